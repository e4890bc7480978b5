/**
 * Seals an index or a delta: front, sealed head, and what follows segment by segment, from one file into another.
 * docs/format/sealing.md §3. Memory: a segment or {@link BATCH_BYTES}, whichever is more.
 *
 * @module
 */
import { open } from 'node:fs/promises';
import { createSha256, sha256Hex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import { encodeSealedFront, type FrontedKind, SEALED_FRONT_BYTES } from '../format/sealed-front.ts';
import { ioError } from '../io/io-error.ts';
import { SourceFile } from '../io/source-file.ts';
import { type ContentKey, SEAL_OVERHEAD } from '../trust/seal/content-key.ts';

/** Written at a time. */
const BATCH_BYTES: number = 1 * MiB;

/** What is to be sealed: a head, in which lengths are those of sealed segments already, and the segments. */
export interface PlainObject {
  readonly head: Uint8Array;
  /** A file that has the segments one behind the other. */
  readonly path: string;
  /** Where the first one begins. */
  readonly from: number;
  /** Of the segments, before they are sealed. */
  readonly lengths: readonly number[];
}

/** An object on disk, and what its manifest says of it. */
export interface WrittenObject {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** Everything ahead of the segments. */
  readonly head: { readonly size: number; readonly sha256: string };
}

/**
 * Writes the sealed object to a new file at `path`.
 *
 * @throws SiltError NO_SPACE, IO_FAILED
 */
export async function sealObject(
  key: ContentKey,
  kind: FrontedKind,
  plain: PlainObject,
  path: string,
): Promise<WrittenObject> {
  using source = SourceFile.open(plain.path);
  const digest = createSha256().update(plain.head);
  for (const bytes of segments(source, plain)) digest.update(bytes);
  const salt = key.saltOf(kind, digest.digest());
  const seal = key.objectSeal(kind, salt);
  const head = Buffer.concat([encodeSealedFront(kind, salt), seal.seal(SEALED_FRONT_BYTES, plain.head)]);
  const whole = createSha256();
  try {
    await using file = await open(path, 'w');
    let batch: Uint8Array[] = [];
    let [size, waiting] = [0, 0];
    const flush = async (): Promise<void> => {
      const bytes = Buffer.concat(batch);
      whole.update(bytes);
      await file.writeFile(bytes);
      batch = [];
      waiting = 0;
    };
    const add = async (bytes: Uint8Array): Promise<void> => {
      batch.push(bytes);
      size += bytes.length;
      waiting += bytes.length;
      if (waiting >= BATCH_BYTES) await flush();
    };
    await add(head);
    for (const bytes of segments(source, plain)) await add(seal.seal(size, bytes));
    await flush();
    return {
      path,
      size,
      sha256: whole.digest('hex'),
      head: { size: head.length, sha256: sha256Hex(head) },
    };
  } catch (error) {
    throw ioError(error, 'write', path);
  }
}

function* segments(source: SourceFile, { from, lengths }: PlainObject): Generator<Uint8Array> {
  let at = from;
  for (const length of lengths) {
    const bytes = new Uint8Array(length);
    if (source.read(at, bytes) !== length) throw new SiltError('IO_FAILED', `${source.path} became shorter`);
    yield bytes;
    at += length;
  }
}

/** Bytes by which each segment of an object grows. @param key of the release; `undefined` when it is not sealed */
export function sealOverhead(key: ContentKey | undefined): number {
  return key === undefined ? 0 : SEAL_OVERHEAD;
}
