/**
 * The delta file: what is written is what is read, and what breaks a rule is refused, also by whoever gives
 * the hostile head its right digest.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { sha256 } from '../../src/core/digest.ts';
import { isSiltError } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { ByteWriter } from '../../src/format/byte-writer.ts';
import {
  DELTA_FRONT,
  type DeltaHeadRecord,
  type DeltaWindowRecord,
  decodeDeltaHead,
  deltaHeadLength,
  encodeDeltaHead,
} from '../../src/format/delta-file.ts';
import { MAX_DELTA_HEAD, MAX_DELTA_WINDOWS, MAX_IMAGE, MAX_WINDOW } from '../../src/format/limits.ts';
import { deltaHead } from '../support/delta-arbitraries.ts';
import { sampleDelta } from '../support/delta-sample.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const sample = encodeDeltaHead(sampleDelta);
const columnsOf = (head: Uint8Array): Uint8Array => brotliDecompressSync(head.subarray(DELTA_FRONT));

/** A head of any columns, with the right length and the right digest. */
function headOf(columns: Uint8Array): Uint8Array {
  return frontOf(brotliCompressSync(columns, { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } }));
}

function frontOf(stored: Uint8Array): Uint8Array {
  const out = new ByteWriter();
  out.preamble('silt-dlt', 1).u32(stored.length).bytes(sha256(stored));
  return out.bytes(stored).finish();
}

test('a delta head is read as it was written, with the places of windows and payloads filled in', (t) => {
  fc.assert(
    fc.property(deltaHead, (head) => {
      const bytes = encodeDeltaHead(head);
      t.is(deltaHeadLength(bytes), bytes.length);
      t.is(deltaHeadLength(bytes.subarray(0, DELTA_FRONT)), bytes.length);
      const { windows, ...rest } = decodeDeltaHead(bytes);
      const { windows: written, ...same } = head;
      t.deepEqual(rest, same);
      t.is(windows.length, written.length);
      let offset = 0;
      let payloadOffset = bytes.length;
      windows.forEach((window, at) => {
        const record = written[at] as DeltaWindowRecord;
        const { length, check, source } = record;
        if (source.kind === 'coded') {
          const payload = { offset: payloadOffset, ...source.payload };
          t.deepEqual(window, { offset, length, check, source: { ...source, payload } });
          payloadOffset += payload.length;
        } else {
          t.deepEqual(window, { offset, length, check, source });
        }
        offset += length;
      });
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('windows of one length on one diagonal cost next to nothing but their digests', (t) => {
  const windows = Array.from({ length: 5000 }, (_, at) => ({
    length: MiB,
    check: undefined,
    source: { kind: 'copy', from: at * MiB + 4096 } as const,
  }));
  const image = { size: 5000 * MiB, digest: new Uint8Array(32) };
  const base = { ...image, size: 5001 * MiB };
  t.true(encodeDeltaHead({ base, target: image, transforms: [], windows }).length < 250);
});

test('a delta of another version is unsupported, and other bytes are no delta', async (t) => {
  for (const version of [0, 2, 65_535]) {
    const other = sample.slice();
    new DataView(other.buffer).setUint16(8, version, true);
    for (const read of [decodeDeltaHead, deltaHeadLength]) {
      const error = await throwsSilt(t, async () => read(other), 'FORMAT_UNSUPPORTED');
      t.like(error.details, { expected: 1, found: version });
    }
  }
  for (const magic of ['silt-idx', 'SILT-DLT', '']) {
    const other = Buffer.concat([Buffer.from(magic), sample.subarray(magic.length || 8)]);
    await throwsSilt(t, async () => decodeDeltaHead(other), 'FORMAT_INVALID');
    await throwsSilt(t, async () => deltaHeadLength(other), 'FORMAT_INVALID');
  }
});

test('an altered head is refused before it is decompressed', async (t) => {
  for (let at = DELTA_FRONT - 32; at < sample.length; at++) {
    const altered = sample.slice();
    altered[at] = (altered[at] as number) ^ 4;
    await throwsSilt(t, async () => decodeDeltaHead(altered), 'DIGEST_MISMATCH');
  }
});

test('a head that is no brotli, or expands beyond every limit, is refused in little memory', async (t) => {
  await throwsSilt(t, async () => decodeDeltaHead(frontOf(seededBytes('no brotli', 500))), 'FORMAT_INVALID');
  await throwsSilt(t, async () => decodeDeltaHead(frontOf(new Uint8Array())), 'FORMAT_INVALID');
  const bomb = headOf(new Uint8Array(MAX_DELTA_HEAD + 1));
  t.true(bomb.length < 64 * KiB);
  await throwsSilt(t, async () => decodeDeltaHead(bomb), 'FORMAT_INVALID');
  const long = sample.slice(0, DELTA_FRONT);
  new DataView(long.buffer).setUint32(10, MAX_DELTA_HEAD, true);
  await throwsSilt(t, async () => deltaHeadLength(long), 'FORMAT_INVALID');
});

/** Columns up to the number of windows, for an image of `size` bytes over a Base of 1 MiB. */
function columns(size: number, checkLength = 0): ByteWriter {
  const out = new ByteWriter().varint(MiB).bytes(new Uint8Array(32));
  return out.varint(size).bytes(new Uint8Array(32)).varint(0).u8(checkLength);
}

const tag = new Uint8Array(16);
const hostile: Readonly<Record<string, ByteWriter>> = {
  'a Base larger than any image': new ByteWriter().varint(MAX_IMAGE + 1).bytes(new Uint8Array(32)),
  'a target larger than any image': columns(MAX_IMAGE + 1).varint(0),
  'a check of four bytes': columns(10, 4).varint(1).varint(10).varint(1),
  'more windows than any delta has': columns(10).varint(MAX_DELTA_WINDOWS + 1),
  'more windows than its bytes can hold': columns(10).varint(MAX_DELTA_WINDOWS).varint(10).varint(1),
  'windows for a longer image': columns(10).varint(1).varint(9).varint(1),
  'windows for a shorter image': columns(10).varint(1).varint(11).varint(1),
  'a window without bytes': columns(10).varint(2).varint(10).varint(0).varint(1).varint(1),
  'a window that is too long': columns(MAX_WINDOW + 1)
    .varint(1)
    .varint(MAX_WINDOW + 1)
    .varint(1),
  'a transform that has no name': columns(10).varint(1).varint(10).varint(4).varint(1).bytes(tag),
  'a copy ahead of the Base': columns(10).varint(1).varint(10).varint(2).varint(1),
  'a copy beyond the Base': columns(10)
    .varint(1)
    .varint(10)
    .varint(2)
    .varint(2 * (MiB - 9)),
  'a copy beyond 2^53': columns(10)
    .varint(1)
    .varint(10)
    .varint(2)
    .varint(2 ** 53 - 2),
  'an empty payload': columns(10).varint(1).varint(10).varint(3).varint(0).bytes(tag),
  'a payload far larger than its window': columns(10)
    .varint(1)
    .varint(10)
    .varint(3)
    .varint(70_000)
    .bytes(tag),
  'a tag that is cut off': columns(10).varint(1).varint(10).varint(3).varint(9).bytes(tag.subarray(1)),
  'a check that is cut off': columns(10, 8).varint(1).varint(10).varint(2).varint(0).bytes(tag.subarray(9)),
  'something behind its end': columns(10).varint(1).varint(10).varint(1).u8(0),
};

for (const [what, written] of Object.entries(hostile)) {
  test(`${what} is refused, with the right digest`, async (t) => {
    await throwsSilt(t, async () => decodeDeltaHead(headOf(written.finish())), 'FORMAT_INVALID');
  });
}

test('the rules have their edges where they should be', (t) => {
  const last = columns(10)
    .varint(1)
    .varint(10)
    .varint(2)
    .varint(2 * (MiB - 10));
  t.like(decodeDeltaHead(headOf(last.finish())).windows[0]?.source, { from: MiB - 10 });
  const empty = columns(0).varint(0);
  t.deepEqual(decodeDeltaHead(headOf(empty.finish())).windows, []);
});

test('a count that the input cannot hold takes no memory', (t) => {
  const head = headOf(columns(10).varint(MAX_DELTA_WINDOWS).varint(10).finish());
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 100; round++) t.throws(() => decodeDeltaHead(head));
  t.true(process.memoryUsage().arrayBuffers - before < 16 * MiB);
});

test('columns with bits flipped or bytes inserted are read or refused, with the right digest', (t) => {
  const plain = columnsOf(sample);
  const outcome = (bytes: Uint8Array): void => {
    try {
      const { target, base, windows } = decodeDeltaHead(headOf(bytes));
      // What is read keeps the rules that readers rely on.
      const last = windows.at(-1);
      t.is(last === undefined ? 0 : last.offset + last.length, target.size);
      for (const { source, length } of windows) {
        if (source.kind === 'copy') t.true(source.from >= 0 && source.from + length <= base.size);
      }
    } catch (error) {
      if (!isSiltError(error, 'FORMAT_INVALID')) throw error;
    }
  };
  for (let bit = 0; bit < plain.length * 8; bit++) {
    const altered = new Uint8Array(plain);
    altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
    outcome(altered);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(plain.length), fc.nat(20), (noise, at, cut) => {
      outcome(Buffer.concat([plain.subarray(0, at), noise, plain.subarray(at + cut)]));
    }),
    { seed: 1, numRuns: 500 },
  );
  t.pass();
});

test('more windows than any reader takes are refused when they are written', async (t) => {
  const window = { length: 1, check: undefined, source: { kind: 'zero' } } as const;
  const image = { size: MAX_DELTA_WINDOWS + 1, digest: new Uint8Array(32) };
  const windows = Array<DeltaWindowRecord>(MAX_DELTA_WINDOWS + 1).fill(window);
  const head: DeltaHeadRecord = { base: image, target: image, transforms: [], windows };
  const error = await throwsSilt(t, async () => encodeDeltaHead(head), 'FORMAT_INVALID');
  t.regex(error.message, /larger windows/);
});

// Golden bytes, as in golden-bytes.test.ts: never replaced. What brotli makes of the columns may change with
// its version, so the columns are compared, and the file is only read.
const folder = fileURLToPath(new URL('../vectors/delta-1/', import.meta.url));
const payloads = seededBytes('golden delta', 433);

if (process.env.SILT_WRITE_VECTORS === '1') {
  mkdirSync(folder, { recursive: true });
  const vectors = { 'delta.bin': Buffer.concat([sample, payloads]), 'columns.bin': columnsOf(sample) };
  for (const [name, bytes] of Object.entries(vectors)) {
    if (!existsSync(folder + name)) writeFileSync(folder + name, bytes);
  }
}

test('golden bytes: the columns of a delta are what is written today', (t) => {
  t.is(Buffer.from(columnsOf(sample)).toString('hex'), readFileSync(`${folder}columns.bin`).toString('hex'));
});

test('the golden delta says what it always said', (t) => {
  const file = new Uint8Array(readFileSync(`${folder}delta.bin`));
  const length = deltaHeadLength(file.subarray(0, DELTA_FRONT));
  const { windows, ...rest } = decodeDeltaHead(file.slice(0, length));
  const { windows: written, ...same } = sampleDelta;
  t.deepEqual(rest, same);
  t.deepEqual(
    windows.map(({ offset, check }) => [offset, check]),
    written.map(({ check }, at) => [
      [0, MiB, 2 * MiB, 3 * MiB, 3 * MiB + 500_000, 3 * MiB + 500_007][at],
      check,
    ]),
  );
  t.deepEqual(
    windows.map(({ source }) => (source.kind === 'copy' ? source.from : source.kind)),
    [1_951_424, 'zero', 0, 'coded', 'none', 'coded'],
  );
  const last = windows[5]?.source;
  t.like(last, { kind: 'coded', transform: 1 });
  if (last?.kind === 'coded') t.is(last.payload.offset + last.payload.length, file.length);
});
