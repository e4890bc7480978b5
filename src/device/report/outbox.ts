/**
 * The outbox on disk: one file an event, in the order of being added, until it is delivered. What `add` has kept
 * survives a power cut, and is kept once. There is a bound: when it is reached, the least important event goes
 * first, and that is counted. A damaged file is removed and counted, and the others are delivered.
 *
 * Whoever adds or delivers holds the lock of the device; {@link EventOutbox.waiting} may be asked by anybody.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSiltError, type SiltError } from '../../core/errors.ts';
import { createExclusive, makeDirectory, removeFile, syncDirectory } from '../../io/atomic.ts';
import { ioError, systemCode } from '../../io/io-error.ts';
import { readSmallFile } from '../../io/read-small-file.ts';
import { sweepTemporaries } from '../../io/temporary-name.ts';
import type { Log } from '../log.ts';
import type { DeviceEvent, Outbox } from './event.ts';
import {
  decodeEvent,
  type EventFile,
  encodeEvent,
  eventFileAfter,
  idDigest,
  type KeptEvent,
  MAX_EVENT_FILE,
  parseEventFile,
} from './kept-event.ts';
import { type OutboxState, readOutboxState, writeOutboxState } from './outbox-state.ts';

/** Some hundred updates; 4 MiB of a disk, 16 MiB at the worst. */
export const MAX_EVENTS = 1000;

/** What goes first when there is no more room. The outcome of an update goes last, and so does what is not known. */
const IMPORTANCE: ReadonlyMap<string, number> = new Map([
  ['progress', 0],
  ['started', 1],
  ['booted', 2],
  ['installed', 3],
]);
const OUTCOME = 4;

export interface OutboxOptions {
  /** Least time between two `progress` events that are kept, in milliseconds. Default 0: all are. */
  readonly progressMs?: number;
  /** Most events. Default {@link MAX_EVENTS}. */
  readonly most?: number;
  readonly now?: () => Date;
  /** Hears of what is lost. */
  readonly log?: Log;
}

/** For people and for the agent: nothing is changed by asking. */
export interface Waiting extends OutboxState {
  readonly events: number;
}

export interface EventOutbox extends Outbox {
  /** @throws SiltError IO_FAILED */
  waiting(): Promise<Waiting>;
  /**
   * The oldest events, whole ones, at most so many and so many bytes of text; at least one where there is any.
   *
   * @throws SiltError IO_FAILED
   */
  first(limits: { readonly events: number; readonly bytes: number }): Promise<readonly KeptEvent[]>;
  /** Lets go of events, durably; one that is gone is no error. @throws SiltError IO_FAILED */
  remove(events: readonly EventFile[]): Promise<void>;
  /** Changes what is remembered, durably. @throws SiltError NO_SPACE, IO_FAILED */
  note(change: (state: OutboxState) => OutboxState): Promise<void>;
}

/** The outbox in `directory`, which is made when there is something to keep. */
export function openOutbox(directory: string, options: OutboxOptions = {}): EventOutbox {
  return new DiskOutbox(directory, {
    progressMs: 0,
    most: MAX_EVENTS,
    now: () => new Date(),
    log: () => {},
    ...options,
  });
}

class DiskOutbox implements EventOutbox {
  readonly #directory: string;
  readonly #options: Required<OutboxOptions>;
  /** Each change waits for the one before it: events are added while others are delivered. */
  #last: Promise<unknown> = Promise.resolve();
  #isMade = false;
  #progressAt: number | undefined;

  constructor(directory: string, options: Required<OutboxOptions>) {
    this.#directory = directory;
    this.#options = options;
  }

  add(event: DeviceEvent): Promise<void> {
    return this.#inTurn(async () => {
      if (event.kind === 'progress' && this.#isTooSoon()) return;
      const bytes = encodeEvent(event);
      await this.#make();
      const files = await this.#list();
      for (const file of files.filter(({ digest }) => digest === idDigest(event.id))) {
        if ((await this.#read(file)) === undefined) continue;
        // A process killed before its fsync has left the name, but not for ever.
        return await syncDirectory(this.#directory);
      }
      const added = eventFileAfter(files, event);
      const surplus = leastImportant([...files, added], this.#options.most);
      if (!surplus.includes(added)) await createExclusive(this.#path(added), bytes);
      if (surplus.length === 0) return;
      // Counted first: a power cut in between counts some that were not lost, and never hides one that was.
      await this.#note((state) => ({ ...state, dropped: state.dropped + surplus.length }));
      await this.#removeAll(surplus);
      for (const { name } of surplus) this.#tellLoss('the outbox is full; the event is dropped', name);
    });
  }

  async waiting(): Promise<Waiting> {
    return { ...(await readOutboxState(this.#directory)), events: (await this.#list()).length };
  }

  first(limits: { readonly events: number; readonly bytes: number }): Promise<readonly KeptEvent[]> {
    return this.#inTurn(async () => {
      const found: KeptEvent[] = [];
      let size = 0;
      for (const file of await this.#list()) {
        if (found.length >= limits.events) break;
        const kept = await this.#read(file);
        if (kept === undefined) continue;
        size += Buffer.byteLength(kept.text);
        if (size > limits.bytes && found.length > 0) break;
        found.push(kept);
      }
      return found;
    });
  }

  remove(events: readonly EventFile[]): Promise<void> {
    return this.#inTurn(() => this.#removeAll(events));
  }

  note(change: (state: OutboxState) => OutboxState): Promise<void> {
    return this.#inTurn(async () => {
      await this.#make();
      await this.#note(change);
    });
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => {});
    return result;
  }

  /** A clock that was set back does not silence anybody. */
  #isTooSoon(): boolean {
    const [at, last] = [this.#options.now().getTime(), this.#progressAt];
    if (last !== undefined && at >= last && at - last < this.#options.progressMs) return true;
    this.#progressAt = at;
    return false;
  }

  async #make(): Promise<void> {
    if (this.#isMade) return;
    await makeDirectory(this.#directory, { again: true });
    await sweepTemporaries(this.#directory);
    this.#isMade = true;
  }

  /** In the order of being added. */
  async #list(): Promise<EventFile[]> {
    const entries = await readdir(this.#directory, { withFileTypes: true }).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return [];
      throw ioError(error, 'read', this.#directory);
    });
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    return names.sort().flatMap((name) => parseEventFile(name) ?? []);
  }

  /** `undefined` when it is gone, or was damaged and is gone now. */
  async #read(file: EventFile): Promise<KeptEvent | undefined> {
    try {
      const bytes = await readSmallFile(this.#path(file), MAX_EVENT_FILE);
      return bytes && decodeEvent(bytes, file);
    } catch (error) {
      if (!isDamage(error)) throw error;
      // On a full disk the others are to be delivered all the same.
      await this.#note((state) => ({ ...state, damaged: state.damaged + 1 })).catch(() => {});
      await removeFile(this.#path(file));
      this.#tellLoss('the file of an event is damaged; it is removed', file.name);
      return undefined;
    }
  }

  #tellLoss(message: string, file: string): void {
    this.#options.log({ level: 'warning', topic: 'report', message, data: { file } });
  }

  async #note(change: (state: OutboxState) => OutboxState): Promise<void> {
    await writeOutboxState(this.#directory, change(await readOutboxState(this.#directory)));
  }

  async #removeAll(files: readonly EventFile[]): Promise<void> {
    for (const file of files) await removeFile(this.#path(file), { durable: false });
    if (files.length > 0) await syncDirectory(this.#directory);
  }

  #path({ name }: EventFile): string {
    return join(this.#directory, name);
  }
}

/** Those of `files`, which are in order, that go so that `most` are left. */
function leastImportant(files: readonly EventFile[], most: number): readonly EventFile[] {
  const rank = ({ kind }: EventFile): number => IMPORTANCE.get(kind) ?? OUTCOME;
  const surplus = Math.max(0, files.length - most);
  return files.toSorted((one, other) => rank(one) - rank(other)).slice(0, surplus);
}

/** Of the file itself; not of what may pass, such as too many open files. */
function isDamage(error: unknown): error is SiltError {
  if (isSiltError(error, 'FORMAT_INVALID')) return true;
  return isSiltError(error, 'IO_FAILED') && error.details.systemError === 'EIO';
}
