/**
 * Delivery of an outbox by HTTP POST, at least once and in order: an event is let go of after the server has said
 * that it has it. Whatever the network and the server do, nothing is lost but an event that the server, which
 * takes others, refuses for good.
 *
 * After a failure nothing is sent for a while, longer with each, with chance; that is remembered on disk, so
 * that devices which restart again and again do not come each time.
 *
 * @module
 */
import { backoffDelay } from '../../core/backoff.ts';
import { isSiltError, type SiltError } from '../../core/errors.ts';
import type { HttpPost } from '../../store/http-post.ts';
import type { Log } from '../log.ts';
import { refusesAll, type Verdict, verdictOf } from './answer-verdict.ts';
import { type DeviceFacts, documentLimits, encodeDocument, idempotencyKey } from './event-document.ts';
import type { KeptEvent } from './kept-event.ts';
import type { EventOutbox } from './outbox.ts';
import type { OutboxState } from './outbox-state.ts';
import { readToken } from './read-token.ts';

/** Before the first repetition, in milliseconds. */
const RETRY_BASE_MS = 30_000;
/** Between two repetitions, whatever the number of failures and what the server asks. */
const RETRY_CAP_MS = 3_600_000;
/** Of one delivery. With more, the rest waits: an outbox that is full takes ten. */
const MAX_REQUESTS = 64;
const PAUSE_MS = 60_000;

export interface DeliveryTarget {
  readonly post: Pick<HttpPost, 'location' | 'send'>;
  readonly device: DeviceFacts;
  /** Read before each delivery. Default: no token. */
  readonly tokenFile?: string | undefined;
  readonly now?: () => Date;
  readonly random?: () => number;
}

export interface DeliverOptions {
  readonly signal?: AbortSignal | undefined;
  readonly log?: Log | undefined;
  /** An operator asks for it: the time of another try is not waited for. */
  readonly atOnce?: boolean | undefined;
}

/** What a delivery has come to. */
export interface DeliveryReport {
  /** Events that the server took. */
  readonly delivered: number;
  /** That it refused, and that are gone. */
  readonly refused: number;
  /** That wait. */
  readonly waiting: number;
  /** When to deliver again; `undefined` when nothing waits. */
  readonly notBefore: Date | undefined;
  /** Why something waits, where that is a failure. */
  readonly problem: { readonly code: string; readonly message: string } | undefined;
}

/**
 * Delivers what waits in `outbox`, if it is time to.
 *
 * @throws SiltError IO_FAILED when events cannot be read or let go of; the reason of `options.signal`. What the network and
 *   the server do is told in the report, never thrown.
 */
export async function deliverEvents(
  outbox: EventOutbox,
  target: DeliveryTarget,
  options: DeliverOptions = {},
): Promise<DeliveryReport> {
  const run = new DeliveryRun(outbox, target, options);
  return await run.deliver();
}

class DeliveryRun {
  readonly #outbox: EventOutbox;
  readonly #target: DeliveryTarget;
  readonly #options: DeliverOptions;
  readonly #now: () => Date;
  #token: string | undefined;
  #lost = 0;
  #requests = 0;
  #delivered = 0;
  #refused = 0;
  /** The server has taken a document in this run. */
  #isGood = false;
  /** The first so many events have one that is bad among them. */
  #suspects: number | undefined;

  constructor(outbox: EventOutbox, target: DeliveryTarget, options: DeliverOptions) {
    this.#outbox = outbox;
    this.#target = target;
    this.#options = options;
    this.#now = target.now ?? (() => new Date());
  }

  async deliver(): Promise<DeliveryReport> {
    const { notBefore, problem, dropped, damaged } = await this.#outbox.waiting();
    const wait = (notBefore ?? 0) - this.#now().getTime();
    // A time that is too far away was told by a clock that was wrong.
    if (wait > 0 && wait <= 2 * RETRY_CAP_MS && this.#options.atOnce !== true) {
      return await this.#report(new Date(notBefore ?? 0), problem);
    }
    this.#lost = dropped + damaged;
    while (this.#requests < MAX_REQUESTS) {
      const count = this.#suspects === undefined ? undefined : Math.max(1, this.#suspects >> 1);
      const events = await this.#outbox.first(documentLimits(count));
      if (events.length === 0) return await this.#report(undefined, undefined);
      const failure = await this.#deliverSome(events);
      if (failure !== undefined) return await this.#fail(failure);
    }
    return await this.#report(new Date(this.#now().getTime() + PAUSE_MS), undefined);
  }

  /** @returns why this was the last document of this run, if it was */
  async #deliverSome(events: readonly KeptEvent[]): Promise<Verdict | undefined> {
    const verdict = await this.#send(events);
    if (verdict.is === 'later') return verdict;
    if (verdict.is === 'taken') {
      await this.#taken(events);
      return undefined;
    }
    if (events.length > 1) {
      this.#suspects = events.length;
      return undefined;
    }
    return await this.#dropBad(events, verdict.status);
  }

  async #taken(events: readonly KeptEvent[]): Promise<void> {
    await this.#outbox.remove(events);
    this.#delivered += events.length;
    const left = (this.#suspects ?? 0) - events.length;
    this.#suspects = left > 0 ? left : undefined;
    if (!this.#isGood) await this.#forgetFailures();
    this.#isGood = true;
  }

  /** One that is refused by itself, by a server that takes others. */
  async #dropBad(events: readonly KeptEvent[], status: number): Promise<Verdict | undefined> {
    if (!this.#isGood) {
      // A server that refuses everything must not empty the outbox.
      const verdict = await this.#send([]);
      if (verdict.is === 'later') return verdict;
      if (verdict.is === 'bad') return refusesAll(this.#target.post.location, verdict.status);
      this.#isGood = true;
      await this.#forgetFailures();
    }
    await this.#note((state) => ({ ...state, refused: state.refused + events.length }));
    await this.#outbox.remove(events);
    this.#refused += events.length;
    this.#suspects = undefined;
    for (const { event } of events) {
      const message = `the server refused the event ${event.id} with status ${status}; it is dropped`;
      this.#log('warning', message, { event: event.id, kind: event.kind, status });
    }
    return undefined;
  }

  async #send(events: readonly KeptEvent[]): Promise<Verdict> {
    const { post, device, tokenFile } = this.#target;
    this.#options.signal?.throwIfAborted();
    try {
      this.#token ??= tokenFile === undefined ? undefined : await readToken(tokenFile);
      this.#requests += 1;
      const headers = {
        'content-type': 'application/json',
        ...(events.length > 0 && { 'idempotency-key': idempotencyKey(events) }),
        ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
      };
      const body = encodeDocument(device, this.#lost, events);
      const answer = await post.send('events', body, headers, this.#options.signal);
      return verdictOf(answer, post.location);
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      if (!isSiltError(error)) throw error;
      return { is: 'later', problem: error };
    }
  }

  async #fail(verdict: Verdict): Promise<DeliveryReport> {
    if (verdict.is !== 'later') return await this.#report(undefined, undefined);
    const { retryAfterMs } = verdict;
    const { code, message }: SiltError = verdict.problem;
    let notBefore = new Date(this.#now().getTime() + RETRY_BASE_MS);
    await this.#note((state) => {
      const failures = state.failures + 1;
      const wait = this.#waitAfter(failures, retryAfterMs);
      notBefore = new Date(this.#now().getTime() + wait);
      return { ...state, failures, notBefore: notBefore.getTime(), problem: { code, message } };
    });
    const report = await this.#report(notBefore, { code, message });
    this.#log('warning', message, { code, waiting: report.waiting, notBefore: notBefore.toISOString() });
    return report;
  }

  #waitAfter(failures: number, retryAfterMs: number | undefined): number {
    return backoffDelay(failures, {
      baseMs: RETRY_BASE_MS,
      capMs: RETRY_CAP_MS,
      retryAfterMs: retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, RETRY_CAP_MS),
      random: this.#target.random ?? Math.random,
    });
  }

  /** What cannot be noted, on a disk that is full or damaged, is no reason to deliver nothing. */
  async #note(change: (state: OutboxState) => OutboxState): Promise<void> {
    try {
      await this.#outbox.note(change);
    } catch (error) {
      if (!isSiltError(error)) throw error;
      this.#log('warning', `the outbox cannot be kept up to date: ${error.message}`, { code: error.code });
    }
  }

  async #forgetFailures(): Promise<void> {
    const { failures } = await this.#outbox.waiting();
    if (failures === 0) return;
    await this.#note(({ notBefore: _, problem: __, ...state }) => ({ ...state, failures: 0 }));
  }

  async #report(notBefore: Date | undefined, problem: DeliveryReport['problem']): Promise<DeliveryReport> {
    const { events: waiting } = await this.#outbox.waiting();
    if (this.#delivered > 0) {
      this.#log('info', `${this.#delivered} events were delivered`, { delivered: this.#delivered, waiting });
    }
    const counts = { delivered: this.#delivered, refused: this.#refused, waiting };
    // What has been added meanwhile can go at once.
    return { ...counts, notBefore: waiting > 0 ? (notBefore ?? this.#now()) : undefined, problem };
  }

  #log(
    level: 'info' | 'warning',
    message: string,
    data: Readonly<Record<string, string | number | undefined>>,
  ): void {
    this.#options.log?.({ level, topic: 'report', message, data });
  }
}
