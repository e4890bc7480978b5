/**
 * Images with small changes all over, and their releases, with deltas.
 *
 * @module
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { KiB } from '../../src/core/sizes.ts';
import { type PublishOptions, publish } from '../../src/publisher/publish.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { PRODUCT } from './release-repository.ts';
import { seededBytes, seededRandom } from './seeded-bytes.ts';

/** `image` with `count` edits of some bytes each between `from` and `to`, the same length. */
export function edited(image: Uint8Array, seed: number, count: number, from: number, to: number): Buffer {
  const random = seededRandom(seed);
  const copy = Buffer.from(image);
  for (let i = 0; i < count; i++) {
    const bytes = seededBytes(`edit ${seed} ${i}`, 1 + Math.floor(random() * 12));
    copy.set(bytes, from + Math.floor(((i + random()) * (to - from - 12)) / count));
  }
  return copy;
}

/** Publishes images in order, each but the first with deltas from all those before it. */
export async function publishDeltas(
  directory: string,
  images: Readonly<Record<string, Uint8Array>>,
  options: Partial<PublishOptions> = {},
): Promise<string> {
  const repository = join(directory, 'repository');
  const store = await openDirectoryStore(repository, { create: true });
  for (const [number, [version, image]] of Object.entries(images).entries()) {
    const path = join(directory, `${version}.img`);
    await writeFile(path, image);
    await publish(store, openLedger(store), {
      product: PRODUCT,
      version,
      images: [{ name: 'rootfs', path }],
      bases: { last: number },
      chunker: chunkerSpec('fastcdc-1', 2 * KiB),
      compression: { codec: 'zstd', level: 1 },
      workers: 1,
      created: new Date('2026-01-02T03:04:05.678Z'),
      ...options,
    });
  }
  return repository;
}
