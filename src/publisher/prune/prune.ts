/**
 * Takes old releases out of a repository and deletes what nothing refers to any more: mark, grace, sweep, over
 * separate runs. docs/decisions/0015-pruning.md says why it is safe beside publishers, devices and other prunes;
 * docs/format/pruning.md what it writes.
 *
 * Killed anywhere, it has taken out some releases and deleted some objects that nothing refers to; the next run
 * goes on. Memory: what marking takes, {@link BATCH} objects to delete, and the record, at most 16 MiB of keys.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { CATALOG_KEY } from '../../format/catalog.ts';
import type { PruneRecord } from '../../format/prune-record.ts';
import { elapsedBetween, type Moment } from '../../format/prune-times.ts';
import { parseRemnantKey, REMNANT_HEAD_BYTES } from '../../format/remnant.ts';
import { isSealedPack } from '../../format/sealed-front.ts';
import { readRange } from '../../store/read-range.ts';
import type { Key, Store } from '../../store/store.ts';
import type { ReleaseLedger } from '../../trust/releases.ts';
import type { OpenContentKey } from '../../trust/seal/content-key.ts';
import { chooseReleases } from './choose-releases.ts';
import { type Clock, systemClock } from './clock.ts';
import type { KeepRules } from './keep-releases.ts';
import { type LiveObjects, liveObjects } from './live-objects.ts';
import { type MarkedRelease, ReleaseMarker } from './marked-releases.ts';
import { PRUNED_KINDS, type PrunedKind, prunedKind } from './object-keys.ts';
import { type Stand, standOf } from './pack-standing.ts';
import { type PackStandings, PackSurvey } from './pack-survey.ts';
import { ObjectTally, type PruneReport, type RemovedRelease } from './prune-report.ts';
import { RecordFile } from './record-file.ts';
import { type RepackReport, type RepackRule, repack } from './repack.ts';
import { type RipeObject, sweep } from './sweep.ts';
import { SweepTurns } from './sweep-turn.ts';

export interface PruneOptions {
  /** Whose releases may be taken out; default: every product's. */
  readonly product?: string | undefined;
  /** Which releases stay; default: all, and only what no release needs goes. */
  readonly keep?: KeepRules | undefined;
  /** How long nothing must have referred to an object before it is deleted, in milliseconds. */
  readonly graceMs: number;
  /** When packs are made smaller of which little is in use; default: never. */
  readonly repack?: RepackRule | undefined;
  /** Change nothing. */
  readonly dryRun?: boolean | undefined;
  /** Opens sealed releases; without it no sealed pack is deleted. */
  readonly contentKey?: OpenContentKey | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PruneProgress) => void) | undefined;
}

export interface PruneProgress {
  readonly phase: 'mark' | 'sweep';
  /** Releases that were marked, or objects that were looked at. */
  readonly done: number;
}

/** Objects deleted behind one look at the metadata. */
const BATCH = 256;

/**
 * Prunes the repository behind `store`.
 *
 * @throws SiltError NOT_A_REPOSITORY; RELEASE_NOT_FOUND for a product, channel or version to keep that there is
 *   not; CONFLICT when another prune is at work; what reading a damaged release throws; SIGNATURES_MISSING;
 *   STORE_REFUSED for a clock that has gone back; store errors
 */
export async function prune(
  store: Store,
  ledger: ReleaseLedger,
  options: PruneOptions,
): Promise<PruneReport> {
  return await new Prune(store, ledger, options).run();
}

class Prune {
  readonly #store: Store;
  readonly #ledger: ReleaseLedger;
  readonly #options: PruneOptions;
  readonly #clock: Clock;
  readonly #marker: ReleaseMarker;
  readonly #record: RecordFile;
  readonly #packs: PackSurvey;
  readonly #live = new ObjectTally();
  readonly #marked = new ObjectTally();
  readonly #waiting = new ObjectTally();
  readonly #deleted = new ObjectTally();
  readonly #undecided = { objects: 0, bytes: 0 };
  /** What the next run is told. */
  readonly #unreferenced = new Map<Key, Moment>();
  #waitingFor: readonly string[] = [];
  #latest: LiveObjects | undefined;
  #standings: PackStandings = new Map();

  constructor(store: Store, ledger: ReleaseLedger, options: PruneOptions) {
    this.#store = store;
    this.#ledger = ledger;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#marker = new ReleaseMarker(store, options.contentKey, options.signal);
    this.#record = new RecordFile({ store, signal: options.signal });
    this.#packs = new PackSurvey(store, options.repack !== undefined, options.signal);
  }

  async run(): Promise<PruneReport> {
    const started = performance.now();
    const { dryRun = false } = this.#options;
    const survey = await this.#survey();
    const releases = await this.#mark(survey);
    const chosen = chooseReleases(releases, this.#options, this.#store.location);
    let record = await this.#record.read();
    let now: Moment = { own: this.#clock.now() };
    let left = releases.filter((release) => !chosen.includes(release));
    let removed: readonly RemovedRelease[] = chosen;
    let after = survey;
    // Of packs that no release needs nobody asks which remnants there are.
    if (releases.some(({ images }) => images.length > 0)) await this.#packs.list();
    // What any release needs now has to be unreferenced for the whole grace again, also when it is taken out in
    // this very run; and that is written down before it is.
    const before = liveObjects(survey, releases, await this.#packs.standings(left, chosen));
    record = new Map([...record].filter(([key]) => !before.has(key)));
    if (!dryRun) {
      now = await this.#record.begin(record, this.#clock.now());
      removed = await this.#remove(chosen);
      after = await this.#survey();
      left = after.state === survey.state ? releases : await this.#mark(after);
    }
    this.#standings = await this.#packs.standings(left);
    const repacked = await this.#repack();
    const live = liveObjects(after, left, this.#standings);
    await this.#walk(live, record, now);
    if (!dryRun) await this.#record.write(this.#unreferenced);
    return {
      dryRun,
      releases: left.length,
      removed: removed.map(({ product, version, counter }) => ({ product, version, counter })),
      live: this.#live.counts(),
      marked: this.#marked.counts(),
      waiting: this.#waiting.counts(),
      deleted: this.#deleted.counts(),
      repacked,
      undecided: this.#undecided,
      closedReleases: live.closed,
      waitingFor: this.#waitingFor,
      seconds: (performance.now() - started) / 1000,
    };
  }

  async #repack(): Promise<RepackReport> {
    const { repack: rule, dryRun = false, signal } = this.#options;
    if (rule === undefined) return { packs: 0, bytes: 0, freedBytes: 0, damaged: [] };
    const requireOwn = (): Promise<void> => this.#record.requireOwn();
    const report = await repack(this.#store, this.#standings, { rule, dryRun, signal, requireOwn });
    // Nobody will list these.
    if (dryRun) this.#live.add('packs', report.bytes, report.packs);
    return report;
  }

  async #survey() {
    return await this.#ledger.survey({ signal: this.#options.signal });
  }

  async #mark(survey: Awaited<ReturnType<ReleaseLedger['survey']>>): Promise<MarkedRelease[]> {
    return await this.#marker.mark(survey, (done) => this.#options.onProgress?.({ phase: 'mark', done }));
  }

  /** Takes them out, unless a channel was pointed at one meanwhile. */
  async #remove(chosen: readonly MarkedRelease[]): Promise<MarkedRelease[]> {
    const { signal } = this.#options;
    const removed: MarkedRelease[] = [];
    for (const [product, releases] of Map.groupBy(chosen, (release) => release.product)) {
      const versions = releases.map(({ version }) => version);
      const done = await this.#ledger.remove(product, versions, { signal });
      removed.push(...releases.filter(({ version }) => done.includes(version)));
    }
    return removed;
  }

  /** Looks at every object there is. */
  async #walk(live: LiveObjects, record: PruneRecord, now: Moment): Promise<void> {
    const { signal, graceMs, onProgress } = this.#options;
    let done = 0;
    // By key, for a listing may name an object twice.
    const batch = new Map<Key, RipeObject>();
    for (const prefix of PRUNED_KINDS) {
      for await (const { key, size } of this.#store.list(`${prefix}/`, signal && { signal })) {
        if (key === CATALOG_KEY) continue;
        done += 1;
        onProgress?.({ phase: 'sweep', done });
        const kind = prunedKind(key);
        if (kind === undefined) this.#leave(size);
        else if (live.has(key)) this.#live.add(kind, size);
        else if (kind === 'packs' && live.closed > 0 && (await this.#isSealed(key))) this.#leave(size);
        else {
          const known = record.get(key);
          const since = known ?? now;
          if (known !== undefined && elapsedBetween(since, now) >= graceMs) {
            batch.set(key, { key, kind, size, since });
          } else this.#keep(kind, key, size, since, known === undefined);
        }
        if (batch.size < BATCH) continue;
        await this.#sweep([...batch.values()], live, now);
        batch.clear();
      }
    }
    await this.#sweep([...batch.values()], live, now);
  }

  async #sweep(objects: readonly RipeObject[], live: LiveObjects, now: Moment): Promise<void> {
    const { graceMs, signal, dryRun } = this.#options;
    if (dryRun) {
      for (const { kind, size } of objects) this.#deleted.add(kind, size);
    } else if (this.#waitingFor.length > 0) {
      for (const { kind, key, size, since } of objects) this.#keep(kind, key, size, since, false);
    } else if (objects.length > 0) {
      this.#waitingFor = await sweep(objects, {
        store: this.#store,
        record: this.#record,
        turns: new SweepTurns({ store: this.#store, clock: this.#clock, signal }, now),
        now,
        graceMs,
        signal,
        live: () => this.#liveNow(live),
        standFor: (key) => this.#standFor(key),
        onFate: ({ kind, key, since }, fate, size) => {
          if (fate === 'deleted') this.#deleted.add(kind, size);
          if (fate === 'kept') this.#keep(kind, key, size, since, false);
        },
      });
    }
  }

  #standFor(key: Key): Stand | undefined {
    const standing = this.#standings.get(parseRemnantKey(key)?.packKey ?? key);
    return standing && standOf(standing);
  }

  /** What is referred to at this moment; `before` is what was when this run looked at the objects. */
  async #liveNow(before: LiveObjects): Promise<LiveObjects> {
    const survey = await this.#survey();
    if (survey.state === (this.#latest ?? before).state) return this.#latest ?? before;
    const live = liveObjects(survey, await this.#mark(survey));
    // Of a sealed release that came meanwhile it is not known which packs it needs.
    const has = (key: Key): boolean => key.startsWith('packs/') || live.has(key);
    this.#latest = live.closed > before.closed ? { ...live, has } : live;
    return this.#latest;
  }

  #keep(kind: PrunedKind, key: Key, size: number, since: Moment, isNew: boolean): void {
    if (this.#unreferenced.has(key)) return;
    this.#unreferenced.set(key, since);
    (isNew ? this.#marked : this.#waiting).add(kind, size);
  }

  #leave(size: number): void {
    this.#undecided.objects += 1;
    this.#undecided.bytes += size;
  }

  /** A pack that says it is sealed may belong to a release that cannot be opened; so may one that is gone. */
  async #isSealed(key: Key): Promise<boolean> {
    try {
      const { signal } = this.#options;
      // A remnant has behind its head what its pack begins with.
      const offset = parseRemnantKey(key) === undefined ? 0 : REMNANT_HEAD_BYTES;
      return isSealedPack(await readRange(this.#store, key, { offset, length: 8 }, { signal }));
    } catch (error) {
      if (error instanceof SiltError && ['OBJECT_MISSING', 'RANGE_INVALID'].includes(error.code)) return true;
      throw error;
    }
  }
}
