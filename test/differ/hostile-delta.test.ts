/**
 * No delta, however altered, makes patching do anything but give the right image or refuse: with a typed
 * error, soon, and without a file under the final name. The digests are made right again after each change, as
 * whoever means harm would do.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sha256 } from '../../src/core/digest.ts';
import { isSiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { applyDelta } from '../../src/differ/apply-delta.ts';
import { makeDelta } from '../../src/differ/make-delta.ts';
import {
  type DeltaHead,
  type DeltaWindow,
  type DeltaWindowRecord,
  decodeDeltaHead,
  deltaHeadLength,
  encodeDeltaHead,
} from '../../src/format/delta-file.ts';
import { tagOf } from '../../src/format/frame.ts';
import { openPool } from '../../src/pool/pool.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const WINDOW = 16 * KiB;
const text = sampleData('text', 5 * WINDOW, 3);
const old = Buffer.concat([text, seededBytes('hostile', 2 * WINDOW)]);
/** Windows that are coded, copied, and zeros. */
const image = Buffer.concat([
  text.subarray(0, 500),
  seededBytes('inserted', 90),
  text.subarray(700, 3 * WINDOW).map((byte, at) => (at % 50 === 0 ? byte + 1 : byte)),
  Buffer.alloc(2 * WINDOW),
  old.subarray(4 * WINDOW),
]);

interface Stage {
  readonly head: DeltaHead;
  readonly payloads: readonly Uint8Array[];
  /** Applies a delta. @returns the code of the error, `undefined` for the right image */
  outcome(delta: Uint8Array): Promise<string | undefined>;
}

async function openStage(t: ExecutionContext<unknown>): Promise<Stage> {
  const directory = await temporaryDirectory(t);
  const path = (name: string): string => join(directory, name);
  await writeFile(path('old'), old);
  await writeFile(path('image'), image);
  await using pool = openPool(1);
  const windowLengths = Array.from({ length: Math.ceil(image.length / WINDOW) }, (_, at) =>
    Math.min(WINDOW, image.length - at * WINDOW),
  );
  const images = { basePath: path('old'), targetPath: path('image') };
  await makeDelta(pool, path('delta'), { ...images, windowLengths, checkBytes: 8 });
  const delta = new Uint8Array(await readFile(path('delta')));
  const head = decodeDeltaHead(delta.slice(0, deltaHeadLength(delta)));
  let count = 0;
  return {
    head,
    payloads: head.windows.map((window) => payloadOf(delta, window)),
    async outcome(bytes) {
      const outputPath = path(`new ${count++}`);
      await writeFile(path('altered'), bytes);
      try {
        await applyDelta({ basePath: path('old'), patchPath: path('altered'), outputPath, workers: 1 });
      } catch (error) {
        t.false(existsSync(outputPath));
        if (!isSiltError(error)) throw error;
        return error.code;
      }
      t.is(Buffer.compare(await readFile(outputPath), image), 0);
      return undefined;
    },
  };
}

function payloadOf(delta: Uint8Array, { source }: DeltaWindow): Uint8Array {
  if (source.kind !== 'coded') return new Uint8Array();
  return delta.slice(source.payload.offset, source.payload.offset + source.payload.length);
}

/** A delta of these windows and payloads, with right tags. */
function rebuilt(
  head: DeltaHead,
  payloads: readonly Uint8Array[],
  without: 'checks' | 'nothing',
): Uint8Array {
  const windows = head.windows.map((window, at): DeltaWindowRecord => {
    const { length, source } = window;
    const check = without === 'checks' ? undefined : window.check;
    if (source.kind !== 'coded') return { length, check, source };
    const bytes = payloads[at] as Uint8Array;
    const payload = { length: bytes.length, tag: new Uint8Array(tagOf(bytes)) };
    return { length, check, source: { ...source, payload } };
  });
  return Buffer.concat([encodeDeltaHead({ ...head, windows }), ...payloads]);
}

test('the delta itself, taken apart and put together again, gives the image', async (t) => {
  const { head, payloads, outcome } = await openStage(t);
  const kinds = new Set(head.windows.map(({ source }) => source.kind));
  t.true(kinds.has('coded') && kinds.has('zero'));
  t.is(await outcome(rebuilt(head, payloads, 'nothing')), undefined);
  t.is(await outcome(rebuilt(head, payloads, 'checks')), undefined);
});

const EXPECTED = ['FORMAT_INVALID', 'DIGEST_MISMATCH', 'FORMAT_UNSUPPORTED'];

test('altered payloads with right tags are refused, or give the right image', async (t) => {
  const { head, payloads, outcome } = await openStage(t);
  const coded = payloads.flatMap(({ length }, at) => (length > 0 ? [at] : []));
  const random = seededRandom(11);
  const below = (count: number): number => Math.floor(random() * count);
  const codes = new Set<string | undefined>();
  for (let round = 0; round < 100; round++) {
    const which = coded[below(coded.length)] as number;
    const altered = mutated(payloads[which] as Uint8Array, below);
    const all = payloads.map((payload, at) => (at === which ? altered : payload));
    const code = await outcome(rebuilt(head, all, round % 2 === 0 ? 'checks' : 'nothing'));
    t.true(code === undefined || EXPECTED.includes(code), code);
    codes.add(code);
  }
  t.true(codes.has('FORMAT_INVALID'), [...codes].join());
});

/** A few bytes changed, cut out, inserted or repeated; most often near the front, where the lengths are. */
function mutated(payload: Uint8Array, below: (count: number) => number): Uint8Array {
  const at = Math.min(payload.length - 1, below(2) === 0 ? below(24) : below(payload.length));
  const bytes = Buffer.from(payload);
  switch (below(5)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << below(8));
      return bytes;
    case 1:
      return bytes.fill(below(2) === 0 ? 0xff : 0, at, Math.min(bytes.length, at + 1 + below(8)));
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(8)), Buffer.alloc(1)]);
    case 3:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.alloc(1 + below(8), below(256)),
        bytes.subarray(at),
      ]);
    default:
      return bytes.subarray(0, Math.max(1, at));
  }
}

test('payloads exchanged, or emptied to one byte, are refused', async (t) => {
  const { head, payloads, outcome } = await openStage(t);
  const coded = payloads.flatMap(({ length }, at) => (length > 0 ? [at] : []));
  const [first = 0, second = 0] = coded;
  t.not(first, second);
  const exchanged = payloads.map((payload, at) =>
    at === first
      ? (payloads[second] as Uint8Array)
      : at === second
        ? (payloads[first] as Uint8Array)
        : payload,
  );
  t.true(EXPECTED.includes((await outcome(rebuilt(head, exchanged, 'nothing'))) ?? 'the image'));
  for (const byte of [0, 1, 2, 255]) {
    const tiny = payloads.map((payload, at) => (at === first ? Uint8Array.of(byte) : payload));
    t.true(EXPECTED.includes((await outcome(rebuilt(head, tiny, 'nothing'))) ?? 'the image'));
  }
});

test('bytes changed anywhere in the file are refused', async (t) => {
  const { head, payloads, outcome } = await openStage(t);
  const delta = rebuilt(head, payloads, 'nothing');
  const random = seededRandom(12);
  for (let round = 0; round < 60; round++) {
    const altered = new Uint8Array(delta);
    const at = Math.floor(random() * delta.length);
    altered[at] = (altered[at] as number) ^ (1 + Math.floor(random() * 255));
    t.true(EXPECTED.includes((await outcome(altered)) ?? 'the image'), `at ${at}`);
  }
});

test('a delta that speaks of another Base of the same size says so', async (t) => {
  const { head, payloads, outcome } = await openStage(t);
  const base = { size: old.length, digest: new Uint8Array(sha256(Buffer.from('another'))) };
  const other = seededRandom(13);
  const wrong = payloads.map((payload) =>
    payload.length > 0 ? mutated(payload, (count) => Math.floor(other() * count)) : payload,
  );
  const code = await outcome(rebuilt({ ...head, base }, wrong, 'nothing'));
  t.true(code === 'BASE_MISMATCH' || EXPECTED.includes(code ?? 'the image'), code);
});
