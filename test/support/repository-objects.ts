/**
 * What lies in a repository, for comparing two states of it.
 *
 * @module
 */
import { sha256Hex } from '../../src/core/digest.ts';
import { GiB } from '../../src/core/sizes.ts';
import type { Store } from '../../src/store/store.ts';

/** Every object of releases, those that prune keeps for itself aside: key and SHA-256 of its bytes, sorted by key. */
export async function repositoryObjects(store: Store): Promise<Record<string, string>> {
  const found: [string, string][] = [];
  for await (const { key } of store.list('')) {
    if (key.startsWith('prune/')) continue;
    const object = await store.get(key, { maxBytes: GiB });
    found.push([key, sha256Hex(object?.bytes ?? new Uint8Array())]);
  }
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Keys of packs, indexes and deltas: what is stored ahead of the metadata. */
export function dataKeys(objects: Readonly<Record<string, string>>): string[] {
  return Object.keys(objects).filter((key) => /^(packs|indexes|deltas)\//.test(key));
}
