/**
 * Every tool on every pair over every line: publishes, then fetches in rounds, the tools in turn, so that
 * what the machine does besides hits all of them alike. A failure is a result: it is written down as skipped,
 * with its reason, and the rest goes on.
 *
 * @module
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchRelease, prepareDevice } from './fetch-release.ts';
import type { Ledger } from './ledger.ts';
import type { Link } from './link.ts';
import type { Peer } from './peer.ts';
import { publishReleases, workplaceIn } from './publish-releases.ts';
import type { FetchPlace, Scenario, SkippedCell } from './result.ts';
import type { Subject } from './subject.ts';

/** Fetches that took longer than this, all rounds of a cell together, get no further round. */
const ENOUGH_SECONDS = 60;

export interface MatrixOptions {
  readonly subjects: readonly Subject[];
  readonly peers: readonly Peer[];
  readonly links: readonly Link[];
  /** A first install is measured on the first of the links alone. */
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  /** What takes longer, published or fetched, is given up and written down as skipped. */
  readonly maxSeconds: number;
  /** Scratch directory; what is published stays there until its pair is done, so that a later run goes on. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Hears what is about to be done. */
  readonly onStep?: (step: string) => void;
}

/** Fills `ledger` with the cells that it lacks. @throws the reason of `signal` when that aborts */
export async function runMatrix(options: MatrixOptions, ledger: Ledger): Promise<void> {
  for (const subject of options.subjects) await runSubject(subject, options, ledger);
}

async function runSubject(subject: Subject, given: MatrixOptions, ledger: Ledger): Promise<void> {
  const pair = subject.info.name;
  const directory = join(given.directory, pair);
  // casync, for one, leaves what it had there when it is killed.
  const temporary = join(directory, 'tmp');
  await mkdir(temporary, { recursive: true });
  const options = { ...given, env: { ...given.env, TMPDIR: temporary } };
  const cells = options.links.flatMap((link, at) =>
    options.scenarios
      .filter((scenario) => scenario === 'update' || at === 0)
      .map((scenario) => ({ link, scenario })),
  );
  const bench: Bench = { subject, directory, options, ledger };
  for (const peer of options.peers) {
    const places = cells.map(({ link, scenario }) => ({ pair, tool: peer.name, link: link.name, scenario }));
    const done = places.every((place) => !wantsRound(bench, place, options.rounds));
    if (!done || ledger.published(pair, peer.name).length === 0) await publish(bench, peer);
  }
  for (const { link, scenario } of cells) {
    for (let round = 1; round <= options.rounds; round++) {
      for (const peer of options.peers) await fetch(bench, peer, link, scenario, round);
    }
  }
  await rm(directory, { recursive: true, force: true });
}

/** One subject under way. */
interface Bench {
  readonly subject: Subject;
  readonly directory: string;
  readonly options: MatrixOptions;
  readonly ledger: Ledger;
}

async function publish({ subject, directory, options, ledger }: Bench, peer: Peer): Promise<void> {
  const { name: pair, releases } = subject.info;
  const place = { pair, tool: peer.name };
  if (ledger.skipped(pair, peer.name) !== undefined) return;
  const [before, last] = releases.slice(-2).map(({ bytes }) => bytes);
  const refusal = peer.refuses?.(before ?? 0, last ?? 0);
  if (refusal !== undefined) return ledger.addSkipped({ ...place, reason: refusal });
  const home = join(directory, peer.name);
  const stamp = JSON.stringify([releases, ledger.result().tools.find(({ name }) => name === peer.name)]);
  if ((await readFile(join(home, 'stamp'), 'utf8').catch(() => '')) === stamp) return;
  options.onStep?.(`${pair}: ${peer.name} publishes`);
  await attempt({ ...place, what: 'publishing' }, options, ledger, async (signal) => {
    const cells = await publishReleases(peer, subject, workplaceIn(home), { env: options.env, signal });
    const kept = join(home, 'kept');
    const { site } = workplaceIn(home);
    await prepareDevice({ peer, subject, site, directory: kept, env: options.env, signal });
    await writeFile(join(home, 'stamp'), stamp);
    // Published once more only because its site was gone: the first figures stand.
    if (ledger.published(pair, peer.name).length === 0) await ledger.addPublished(cells);
  });
}

async function fetch(bench: Bench, peer: Peer, link: Link, scenario: Scenario, round: number): Promise<void> {
  const { subject, directory, options, ledger } = bench;
  const place = { pair: subject.info.name, tool: peer.name, link: link.name, scenario };
  if (!wantsRound(bench, place, round)) return;
  if (scenario === 'install' && peer.family === 'delta')
    return ledger.addSkipped({ ...place, reason: 'a delta needs the release before' });
  const seconds = leastSeconds(bench, place, link);
  if (seconds > options.maxSeconds) {
    const reason = `its bytes alone need ${Math.round(seconds)} s of the line`;
    return ledger.addSkipped({ ...place, reason });
  }
  options.onStep?.(`${place.pair}: ${peer.name}, ${scenario} over ${link.name}, round ${round}`);
  const home = join(directory, peer.name);
  const scratch = join(directory, 'device');
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  const { site } = workplaceIn(home);
  const kept = scenario === 'update' && peer.prepare !== undefined ? join(home, 'kept') : undefined;
  await attempt({ ...place, what: scenario }, options, ledger, async (signal) => {
    const { env } = options;
    const cell = await fetchRelease({
      ...{ peer, subject, site, link, scenario, round, kept, env, signal },
      directory: scratch,
    });
    await ledger.addFetched(cell);
  });
  await rm(scratch, { recursive: true, force: true });
}

/** True while a place has not been measured often enough. */
function wantsRound({ ledger }: Bench, place: FetchPlace, round: number): boolean {
  if (ledger.skipped(place.pair, place.tool, place) !== undefined) return false;
  const cells = ledger.fetched(place);
  const seconds = cells.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0);
  return cells.length < round && seconds < ENOUGH_SECONDS;
}

/** What the bytes counted on another line need on this one, if nothing else took time. */
function leastSeconds({ ledger, options }: Bench, place: FetchPlace, link: Link): number {
  const known = options.links.flatMap(({ name }) => ledger.fetched({ ...place, link: name }));
  return known.length === 0 ? 0 : Math.min(...known.map((cell) => cell.wireBytes)) / link.bytesPerSecond;
}

/** Does `work` within the time there is; what fails is written down. */
async function attempt(
  { what, ...place }: Omit<SkippedCell, 'reason'> & { readonly what: string },
  { maxSeconds, signal }: MatrixOptions,
  ledger: Ledger,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const late = AbortSignal.timeout(maxSeconds * 1000);
  try {
    await work(AbortSignal.any([signal, late]));
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    const reason = late.aborted ? `not done within ${maxSeconds} s` : (message.split('\n', 1)[0] ?? message);
    await ledger.addSkipped({ ...place, reason: `${what}: ${reason}` });
  }
}
