/**
 * What a publisher holds while it relies on objects that are in the repository already: for as long, no prune
 * deletes any. A holder that was killed stops renewing, and a prune that sees the same count twice, hours apart,
 * takes its lease away. docs/format/pruning.md.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { SiltError } from '../../core/errors.ts';
import { MAX_LEASES } from '../../format/limits.ts';
import type { Store } from '../../store/store.ts';
import { changeLeases, type LeaseAccess, tooManyLeases, waitForTurn } from './change-leases.ts';
import { type Clock, systemClock } from './clock.ts';

/** How long a prune must see a lease unchanged before it takes it away. */
export const LEASE_LIFE_MS = 3_600_000;
/** So a lease is renewed several times in its life, and some of them may fail. */
const RENEWAL_MS: number = LEASE_LIFE_MS / 6;

export interface LeaseOptions {
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Lease extends AsyncDisposable {
  /**
   * To be asked right before what relies on the objects becomes visible.
   *
   * @throws SiltError CONFLICT when a prune has taken the lease away meanwhile: objects may be gone
   */
  requireHeld(): Promise<void>;
}

/**
 * Takes a lease, and waits until a prune that is deleting has ended its turn; renews it until it is disposed of.
 *
 * @param holder who it is, for people
 * @throws SiltError CONFLICT, LOCKED for too many leases, FORMAT_UNSUPPORTED, store errors
 */
export async function holdLease(store: Store, holder: string, options: LeaseOptions = {}): Promise<Lease> {
  const { clock = systemClock, signal } = options;
  const access: LeaseAccess = { store, clock, signal, memory: {} };
  const id = randomBytes(16).toString('hex');
  const isSwept = await changeLeases(access, (list) => {
    const { leases } = list;
    const result = list.sweep !== undefined;
    // The answer was lost, and somebody else has changed the list since.
    if (leases.some((lease) => lease.id === id)) return { next: undefined, result };
    if (leases.length >= MAX_LEASES) throw tooManyLeases(store.location, leases.length);
    const entry = { id, holder: holder.slice(0, 512), renewals: 0 };
    return { next: { ...list, leases: [...leases, entry] }, result };
  });
  const lease = new HeldLease(access, id);
  try {
    // A turn that is not in the list to which the lease was added cannot begin before that is gone.
    if (isSwept) await waitForTurn(access);
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
  return lease;
}

class HeldLease implements Lease {
  readonly #access: LeaseAccess;
  readonly #id: string;
  readonly #timer: NodeJS.Timeout;
  #renewing: Promise<unknown> = Promise.resolve();

  constructor(access: LeaseAccess, id: string) {
    this.#access = access;
    this.#id = id;
    this.#timer = setInterval(() => {
      // One that fails is made up for by the next; whether the lease still holds is asked at the end.
      this.#renewing = this.#renew().catch(() => {});
    }, RENEWAL_MS);
    this.#timer.unref();
  }

  async requireHeld(): Promise<void> {
    await this.#renewing;
    if (await this.#renew()) return;
    throw new SiltError(
      'CONFLICT',
      'the lease of this run was taken away by "silt prune", as it had not been renewed for an hour; run it again: what is stored already is not sent again',
      { details: { lease: this.#id } },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    // An aborted run gives its lease back too. What cannot be reached now a prune takes away later.
    await changeLeases({ ...this.#access, signal: undefined }, (list) => {
      const leases = list.leases.filter(({ id }) => id !== this.#id);
      return {
        next: leases.length < list.leases.length ? { ...list, leases } : undefined,
        result: undefined,
      };
    }).catch(() => {});
  }

  async #renew(): Promise<boolean> {
    return await changeLeases(this.#access, (list) => {
      if (!list.leases.some(({ id }) => id === this.#id)) return { next: undefined, result: false };
      const leases = list.leases.map((lease) => {
        if (lease.id !== this.#id) return lease;
        const { id, holder, renewals } = lease;
        return { id, holder, renewals: renewals + 1 };
      });
      return { next: { ...list, leases }, result: true };
    });
  }
}
