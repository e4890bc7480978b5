/**
 * The trust state: the next refresh works, and what a completed one has seen can never be rolled back.
 *
 * @module
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isSiltError } from '../../../src/core/errors.ts';
import { refresh } from '../../../src/trust/tuf/client.ts';
import { openDeviceState } from '../../../src/trust/tuf/device-state.ts';
import type { MetadataState } from '../../../src/trust/tuf/metadata-state.ts';
import { TufRepository } from '../tuf-repository.ts';
import type { Scenario } from './enumerate.ts';
import { mustHold } from './must-hold.ts';

/** Each in two copies, or in one until it is written again. */
const KEPT = /^(\d+\.root|root|timestamp|snapshot|targets)\.json$/;

const DIRECTORY = 'var/lib/silt/trust';

/** What keeps metadata; a test gives one of its own to see it fail. */
export type OpenState = (directory: string) => Promise<MetadataState>;

/** The repository as it was at each version of its timestamp. */
class History {
  readonly repository = new TufRepository();
  readonly #views = new Map<number, Map<string, Uint8Array>>();

  constructor() {
    this.#remember();
    this.repository.addTarget('targets', 'a', Buffer.from('first'));
    this.#publish('targets', 'snapshot', 'timestamp');
    this.repository.rotateKeys('targets');
    this.repository.addTarget('targets', 'a', Buffer.from('second'));
    this.#publish('root', 'targets', 'snapshot', 'timestamp');
    this.repository.addTarget('targets', 'a', Buffer.from('third'));
    this.#publish('targets', 'snapshot', 'timestamp');
  }

  #publish(...roles: readonly string[]): void {
    this.repository.publish(...roles);
    this.#remember();
  }

  #remember(): void {
    this.#views.set(this.repository.timestamp.version, new Map(this.repository.objects));
  }

  /** Refreshes a device from the repository of that version. @returns the version of the timestamp */
  async refresh(root: string, open: OpenState, version: number): Promise<number> {
    const { repository } = this;
    repository.objects.clear();
    for (const [key, bytes] of this.#views.get(version) ?? []) repository.objects.set(key, bytes);
    const state = await open(join(root, DIRECTORY));
    const factoryRoot = repository.rootBytes(1);
    const { timestamp } = await refresh({ store: repository, state, factoryRoot, now: () => repository.now });
    return timestamp.signed.version;
  }
}

/** Refreshes from `first` on (0: never before), version by version. */
function refreshes(what: string, first: number, open: OpenState): Scenario {
  const history = new History();
  return {
    what,
    async prepare(root) {
      if (first > 0) await history.refresh(root, open, first);
    },
    async work(root, promise) {
      for (const version of [first + 1, first + 2]) promise(await history.refresh(root, open, version));
    },
    // The repository has gone on meanwhile.
    async again(root, promise) {
      promise(await history.refresh(root, open, first + 2));
    },
    async recover(root, promised) {
      const seen = Math.max(first, ...promised);
      if (seen > 1) {
        const answer = await history.refresh(root, open, seen - 1).catch((error: unknown) => error);
        const refused = isSiltError(answer, 'TRUST_ROLLBACK');
        mustHold(refused, `version ${seen} was trusted, and then ${seen - 1}: ${answer}`);
      }
      const found = await history.refresh(root, open, first + 2);
      mustHold(found === first + 2, `refreshed to ${found}, expected ${first + 2}`);
      const names = readdirSync(join(root, DIRECTORY)).map((name) => name.replace(/\.[ab]$/, ''));
      mustHold(
        names.every((name) => KEPT.test(name)),
        `the state holds ${names.join(', ')}`,
      );
    },
  };
}

export function trustScenarios(open: OpenState = openDeviceState): Scenario[] {
  return [
    refreshes('Trust state: first refresh of a device', 0, open),
    refreshes('Trust state: refreshed, with a new root', 1, open),
  ];
}
