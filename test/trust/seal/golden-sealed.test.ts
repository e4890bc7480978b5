/**
 * Golden bytes of sealed objects, made with a content key that is no secret.
 *
 * `SILT_WRITE_VECTORS=1` writes the vectors that are missing; it never replaces one.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { sha256, sha256Hex, toHex } from '../../../src/core/digest.ts';
import { decodeDeltaHead, encodeDeltaHead } from '../../../src/format/delta-file.ts';
import { openFrame, tagOf } from '../../../src/format/frame.ts';
import { decodeIndexHead } from '../../../src/format/index-head.ts';
import { decodeLevel2 } from '../../../src/format/level2.ts';
import { PACK_FOOTER_BYTES } from '../../../src/format/pack.ts';
import { FrameTable } from '../../../src/publisher/frame-table.ts';
import { IndexWriter } from '../../../src/publisher/index-writer.ts';
import { PackBuilder } from '../../../src/publisher/pack-builder.ts';
import { readPackFrames } from '../../../src/publisher/read-pack.ts';
import { sealDelta } from '../../../src/publisher/seal-delta.ts';
import { openHead } from '../../../src/trust/seal/sealed-head.ts';
import { sampleKey } from '../../support/sealed-release.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const folder = fileURLToPath(new URL('../../vectors/sealed-1/', import.meta.url));

const frames = [seededBytes('golden frame 0', 300), seededBytes('golden frame 1', 20)];
const payloads = [seededBytes('golden payload 0', 200), seededBytes('golden payload 1', 1)];
const image = Buffer.concat([...frames]);

function samplePack() {
  const builder = new PackBuilder(undefined, sampleKey);
  const offsets = frames.map((plain) => {
    const chunk = { chunkLengths: [plain.length], chunkIds: sha256(plain) };
    return builder.add(plain, { plain: plain.length, codec: 0, tag: tagOf(plain), ...chunk });
  });
  return { ...builder.finish(), offsets };
}

async function sampleIndex(t: ExecutionContext<unknown>): Promise<Uint8Array> {
  const path = join(await temporaryDirectory(t), 'index');
  const { entry, offsets } = samplePack();
  const table = new FrameTable();
  const pack = table.openPack(entry);
  const writer = await IndexWriter.create(table, path, sampleKey);
  let offset = 0;
  for (const [i, plain] of frames.entries()) {
    const { length } = plain;
    const number = table.open();
    const place = { pack, offset: offsets[i]!, stored: length + 16, plain: length, codec: 0 };
    table.place(number, { ...place, tag: tagOf(plain) });
    const chunk = { lengths: [length], ids: [sha256(plain)], frames: [number], offsetsIn: [0] };
    await writer.add({ offset, length, zero: false, ...chunk }, sha256(plain));
    offset += length;
  }
  const sizes = { min: 64, average: 100, max: 512 };
  const chunker = { name: 'fastcdc-1', ...sizes };
  await writer.finish({ size: offset, digest: sha256(image), chunker, windowing: sizes });
  await writer.close();
  return readFileSync(path);
}

async function sampleDelta(t: ExecutionContext<unknown>): Promise<Uint8Array> {
  const path = join(await temporaryDirectory(t), 'delta');
  const head = encodeDeltaHead({
    base: { size: 50, digest: sha256(Buffer.from('base')) },
    target: { size: image.length, digest: sha256(image) },
    transforms: [],
    windows: frames.map(({ length }, i) => {
      const payload = { length: payloads[i]!.length, tag: tagOf(payloads[i]!) };
      return { length, check: undefined, source: { kind: 'coded', transform: 0, payload } };
    }),
  });
  const bytes = Buffer.concat([head, ...payloads]);
  await writeFile(path, bytes);
  const names = { sha256: sha256Hex(bytes), head: { size: head.length, sha256: sha256Hex(head) } };
  await sealDelta({ path, size: bytes.length, ...names }, sampleKey, `${path}.sealed`);
  return readFileSync(`${path}.sealed`);
}

const vectors: Readonly<Record<string, (t: ExecutionContext<unknown>) => Promise<Uint8Array> | Uint8Array>> =
  {
    'pack.bin': () => samplePack().bytes,
    'index.bin': sampleIndex,
    'delta.bin': sampleDelta,
  };

for (const [name, make] of Object.entries(vectors)) {
  test.serial(`golden bytes: sealed-1/${name} is what is written today`, async (t) => {
    const bytes = await make(t);
    const path = folder + name;
    if (process.env.SILT_WRITE_VECTORS === '1' && !existsSync(path)) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    }
    t.is(toHex(bytes), toHex(golden(name)));
  });
}

function golden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(folder + name));
}

test.serial('the golden sealed objects say what they always said', (t) => {
  const index = golden('index.bin');
  // Two windows, so one byte of level 2 for each decides nothing: the head is what opens.
  const headSize = index.length - sealedLevel2Bytes(index);
  const { plain, seal } = openHead('index', index.subarray(0, headSize), sampleKey, 'index');
  const head = decodeIndexHead(plain, headSize);
  t.is(toHex(head.imageDigest), toHex(sha256(image)));
  const pack = golden('pack.bin');
  const [entry] = head.packs;
  t.is(toHex(entry!.digest), sha256Hex(pack));
  const packSeal = sampleKey.objectSeal('pack', entry!.trailerDigest);
  t.is(readPackFrames(pack, packSeal).length, 2);
  const rebuilt = head.windows.map(({ length, level2 }) => {
    const block = seal!.open(level2!.offset, index.subarray(level2!.offset, level2!.offset + level2!.length));
    t.is(toHex(tagOf(block)), toHex(level2!.tag));
    const [frame] = decodeLevel2(block, length, 1).frames;
    const stored = pack.subarray(frame!.offset, frame!.offset + frame!.stored);
    return openFrame(frame!, packSeal.open(frame!.offset, stored));
  });
  t.is(toHex(Buffer.concat(rebuilt)), toHex(image));
  t.is(entry!.size, pack.length);
  t.true(entry!.trailerLength < pack.length - PACK_FOOTER_BYTES);
});

test.serial('the golden sealed delta says what it always said', (t) => {
  const delta = golden('delta.bin');
  const headSize = delta.length - payloads.reduce((sum, { length }) => sum + length + 16, 0);
  const { plain, seal } = openHead('delta', delta.subarray(0, headSize), sampleKey, 'delta');
  const { windows } = decodeDeltaHead(plain, headSize);
  const opened = windows.map(({ source }) => {
    const { offset, length } = (source as { payload: { offset: number; length: number } }).payload;
    return toHex(seal!.open(offset, delta.subarray(offset, offset + length)));
  });
  t.deepEqual(opened, payloads.map(toHex));
});

/** Level 2 of the golden index has a block a window, of one frame and one chunk each. */
function sealedLevel2Bytes(index: Uint8Array): number {
  for (let bytes = 0; bytes < index.length; bytes++) {
    try {
      openHead('index', index.subarray(0, index.length - bytes), sampleKey, 'index');
      return bytes;
    } catch {
      // Not this many.
    }
  }
  throw new Error('the head does not open');
}
