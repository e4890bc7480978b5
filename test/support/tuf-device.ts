/**
 * A device over a {@link TufRepository}: its state can be looked into, and its clock is set by the test.
 *
 * @module
 */

import { refresh, type TrustedMetadata } from '../../src/trust/tuf/client.ts';
import type { MetadataState } from '../../src/trust/tuf/metadata-state.ts';
import type { TufRepository } from './tuf-repository.ts';

export const MAX_TARGET_BYTES = 1 << 20;

/** Keeps everything in memory, open to tests. */
export class OpenState implements MetadataState {
  readonly files = new Map<string, Uint8Array>();

  async read(name: string): Promise<readonly Uint8Array[]> {
    const bytes = this.files.get(name);
    return bytes === undefined ? [] : [bytes];
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    this.files.set(name, Uint8Array.from(bytes));
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }

  copy(): OpenState {
    const state = new OpenState();
    for (const [name, bytes] of this.files) state.files.set(name, bytes);
    return state;
  }

  /** All that is kept, to compare. */
  image(): Record<string, string> {
    return Object.fromEntries(
      [...this.files].sort().map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
    );
  }
}

export class TufDevice {
  readonly repository: TufRepository;
  readonly state = new OpenState();
  readonly factoryRoot: Uint8Array;

  constructor(repository: TufRepository, factoryRoot: Uint8Array = repository.rootBytes(1)) {
    this.repository = repository;
    this.factoryRoot = factoryRoot;
  }

  /** As of the repository's own time, unless told otherwise. */
  async refresh(
    now: Date = this.repository.now,
    options: { readonly allowExpired?: boolean } = {},
  ): Promise<TrustedMetadata> {
    const { repository: store, state, factoryRoot } = this;
    return refresh({ ...options, store, state, factoryRoot, now: () => now });
  }

  /** The target's bytes, or `undefined` when no trusted role lists it; a fresh run each time. */
  async download(path: string): Promise<Uint8Array | undefined> {
    const trusted = await this.refresh();
    const target = await trusted.findTarget(path);
    return target === undefined ? undefined : trusted.readTarget(target, { maxBytes: MAX_TARGET_BYTES });
  }

  /** The versions of the top-level roles that are trusted from now on: what is kept, and the factory root. */
  trustedVersions(): Record<string, number> {
    const files = new Map([['root.json', this.factoryRoot], ...this.state.files]);
    const versions = ['root', 'timestamp', 'snapshot', 'targets'].flatMap((role) => {
      const bytes = files.get(`${role}.json`);
      return bytes === undefined ? [] : [[role, JSON.parse(Buffer.from(bytes).toString()).signed.version]];
    });
    return Object.fromEntries(versions);
  }

  /** What is kept of a role, or the factory root. */
  kept(role: string): string {
    const bytes = this.state.files.get(`${role}.json`) ?? (role === 'root' ? this.factoryRoot : []);
    return Buffer.from(bytes).toString();
  }
}
