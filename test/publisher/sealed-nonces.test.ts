/** AES-GCM is broken by a nonce that seals two texts under one key, so none ever does. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { sha256, sha256Hex, toHex } from '../../src/core/digest.ts';
import { encodeDeltaHead } from '../../src/format/delta-file.ts';
import { tagOf } from '../../src/format/frame.ts';
import { FrameTable } from '../../src/publisher/frame-table.ts';
import { IndexWriter } from '../../src/publisher/index-writer.ts';
import { PackBuilder } from '../../src/publisher/pack-builder.ts';
import { sealDelta } from '../../src/publisher/seal-delta.ts';
import type { ContentKey } from '../../src/trust/seal/content-key.ts';
import { sampleKey } from '../support/sealed-release.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Few contents, so that objects have much in common: whole, in part, and in another order. */
const piece = fc.nat(3);
const contentOf = (number: number): Uint8Array => seededBytes(`content ${number >> 1}`, 40 + (number >> 1));

/** What was sealed: by key and nonce, the digest of the text. */
class Sealed {
  readonly texts = new Map<string, Set<string>>();
  count = 0;

  /** {@link sampleKey}, watched. The key of an object follows from kind and salt, the nonce from the offset. */
  readonly key: ContentKey = {
    ...sampleKey,
    objectSeal: (kind, salt) => {
      const seal = sampleKey.objectSeal(kind, salt);
      return {
        seal: (offset, plain) => {
          const use = `${kind} ${toHex(salt)} ${offset}`;
          const texts = this.texts.get(use) ?? new Set();
          this.texts.set(use, texts.add(sha256Hex(plain)));
          this.count += 1;
          return seal.seal(offset, plain);
        },
        open: seal.open,
      };
    },
  };

  /** The most texts that any pair of key and nonce has sealed. */
  get most(): number {
    return Math.max(0, ...[...this.texts.values()].map((texts) => texts.size));
  }
}

/** A pack of one frame a piece; odd pieces are the same chunks, stored otherwise. */
function buildPack(key: ContentKey, pieces: readonly number[]): void {
  const builder = new PackBuilder(undefined, key);
  for (const number of pieces) {
    const plain = contentOf(number);
    const stored = number % 2 === 0 ? plain : plain.map((byte) => byte ^ 0xff);
    const chunk = { chunkLengths: [plain.length], chunkIds: sha256(plain) };
    builder.add(stored, { plain: plain.length, codec: number % 2, tag: tagOf(stored), ...chunk });
  }
  builder.finish();
}

async function writeIndex(key: ContentKey, pieces: readonly number[], path: string): Promise<void> {
  const table = new FrameTable();
  const entry = { digest: sha256(contentOf(0)), size: 9000, trailerLength: 40 };
  const pack = table.openPack({ ...entry, trailerDigest: sha256(contentOf(1)) });
  const frame = table.open();
  table.place(frame, { pack, offset: 10, stored: 500, plain: 4096, codec: 1, tag: new Uint8Array(16) });
  const writer = await IndexWriter.create(table, path, key);
  let offset = 0;
  for (const number of pieces) {
    const id = sha256(contentOf(number));
    const chunk = { lengths: [100], ids: [id], frames: [frame], offsetsIn: [number] };
    await writer.add({ offset, length: 100, zero: false, ...chunk }, id);
    offset += 100;
  }
  const sizes = { min: 64, average: 100, max: 128 };
  const image = { size: offset, digest: sha256(Buffer.from(pieces.slice(0, 1))) };
  await writer.finish({ ...image, chunker: { name: 'fixed-1', ...sizes }, windowing: sizes });
  await writer.close();
}

async function writeDelta(key: ContentKey, pieces: readonly number[], path: string): Promise<void> {
  const payloads = pieces.map(contentOf);
  const size = 100 * pieces.length;
  const head = encodeDeltaHead({
    base: { size: 50, digest: sha256(contentOf(0)) },
    target: { size, digest: sha256(Buffer.from(pieces.slice(0, 1))) },
    transforms: [],
    windows: payloads.map((payload) => ({
      length: 100,
      check: undefined,
      source: { kind: 'coded', transform: 0, payload: { length: payload.length, tag: tagOf(payload) } },
    })),
  });
  const bytes = Buffer.concat([head, ...payloads]);
  await writeFile(path, bytes);
  const names = { sha256: sha256Hex(bytes), head: { size: head.length, sha256: sha256Hex(head) } };
  await sealDelta({ path, size: bytes.length, ...names }, key, `${path}.sealed`);
}

const objects = fc.array(fc.array(piece, { maxLength: 4 }), { minLength: 2, maxLength: 8 });

test('no nonce seals two texts under one key, in packs, indexes and deltas that have much in common', async (t) => {
  const directory = await temporaryDirectory(t);
  let repeated = 0;
  await fc.assert(
    fc.asyncProperty(objects, async (lists) => {
      const sealed = new Sealed();
      for (const [i, pieces] of lists.entries()) {
        buildPack(sealed.key, pieces);
        await writeIndex(sealed.key, pieces, join(directory, `${i}.index`));
        await writeDelta(sealed.key, pieces, join(directory, `${i}.delta`));
      }
      t.is(sealed.most, 1);
      repeated += sealed.count - sealed.texts.size;
    }),
    { numRuns: 60, seed: 5 },
  );
  t.true(repeated > 50, 'the same object was sealed more than once, to the same bytes');
});

test('the watch would see a nonce that is used again', (t) => {
  const sealed = new Sealed();
  const seal = sealed.key.objectSeal('pack', new Uint8Array(32));
  seal.seal(0, contentOf(0));
  seal.seal(0, contentOf(0));
  t.is(sealed.most, 1);
  seal.seal(0, contentOf(2));
  t.is(sealed.most, 2);
});
