/**
 * A turn to delete: none begins while a publisher holds a lease, and who takes a lease during one waits for its
 * end. A turn is short, so nobody waits long, and a prune that was held up stops deleting before others may take
 * its turn for over.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import type { LeaseEntry, LeaseList } from '../../format/lease-list.ts';
import { elapsedBetween, liesAhead, type Moment } from '../../format/prune-times.ts';
import { changeLeases, type LeaseAccess, waitForTurn } from './change-leases.ts';
import { LEASE_LIFE_MS } from './lease.ts';

/** A turn lasts so long at most; the rest until {@link STALE_TURN_MS} is for requests that are slow to arrive. */
export const TURN_MS = 15_000;

/** The turns of one prune. */
export class SweepTurns {
  readonly #access: LeaseAccess;
  readonly #now: Moment;
  readonly #id: string = randomBytes(16).toString('hex');
  #turn = 0;
  #endsAt = 0;
  /** For requests of this turn: no later than this is one sent again. */
  #timeout: AbortSignal = AbortSignal.abort();

  /** @param now the moment of this prune */
  constructor(access: LeaseAccess, now: Moment) {
    this.#access = access;
    this.#now = now;
  }

  /**
   * Begins a turn, unless somebody holds a lease.
   *
   * @returns who holds one; empty when the turn has begun
   */
  async begin(): Promise<string[]> {
    await waitForTurn(this.#access);
    for (;;) {
      this.#turn += 1;
      // By the clock that nobody sets, and from before the request.
      this.#endsAt = this.#access.clock.elapsed() + TURN_MS;
      this.#timeout = AbortSignal.timeout(2 * TURN_MS);
      const holders = await changeLeases(this.#access, (list) => this.#claim(list));
      if (holders !== undefined) return holders;
      await waitForTurn(this.#access);
    }
  }

  /** True for as long as something may be deleted. */
  get isOn(): boolean {
    return this.#access.clock.elapsed() < this.#endsAt;
  }

  /** Aborts what is still under way well after the turn, and with the prune. */
  get signal(): AbortSignal {
    const { signal } = this.#access;
    return signal === undefined ? this.#timeout : AbortSignal.any([signal, this.#timeout]);
  }

  /** Ends the turn. */
  async end(): Promise<void> {
    this.#endsAt = 0;
    await changeLeases({ ...this.#access, signal: undefined }, (list) => ({
      next: list.sweep?.id === this.#id ? { leases: list.leases } : undefined,
      result: undefined,
    }));
  }

  #claim(list: LeaseList): { next: LeaseList | undefined; result: string[] | undefined } {
    if (list.sweep !== undefined) {
      const { id, turn } = list.sweep;
      // Another prune was faster; or this one, by a request whose answer was lost.
      return { next: undefined, result: id === this.#id && turn === this.#turn ? [] : undefined };
    }
    const leases = list.leases.filter((lease) => !this.#isDead(lease)).map((lease) => this.#seen(lease));
    if (leases.length === 0) {
      return { next: { leases, sweep: { id: this.#id, turn: this.#turn } }, result: [] };
    }
    const isNew = leases.some((lease, at) => lease !== list.leases[at]);
    return {
      next: isNew || leases.length < list.leases.length ? { leases } : undefined,
      result: leases.map(({ holder }) => holder),
    };
  }

  #isDead({ renewals, seen }: LeaseEntry): boolean {
    return seen?.renewals === renewals && elapsedBetween(seen.at, this.#now) >= LEASE_LIFE_MS;
  }

  #seen(lease: LeaseEntry): LeaseEntry {
    const { seen, renewals } = lease;
    if (seen?.renewals === renewals && !liesAhead(seen.at, this.#now)) return lease;
    return { ...lease, seen: { renewals, at: this.#now } };
  }
}
