/**
 * The journal of a device: its {@link DeviceState} in two copies, of which each write replaces the older one, at
 * once and durably. A copy that is damaged costs one transition, and every phase may be repeated.
 *
 * It says where to look, not what is true: slots, files and the boot loader are looked at again.
 *
 * @module
 */
import { join } from 'node:path';
import { sha256Hex } from '../../core/digest.ts';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { canonicalJson } from '../../format/canonical-json.ts';
import { parseDocument } from '../../format/document.ts';
import { makeDirectory, replaceFile, syncDirectory } from '../../io/atomic.ts';
import { readSmallFile } from '../../io/read-small-file.ts';
import { sweepTemporaries } from '../../io/temporary-name.ts';
import {
  DEVICE_STATE_FORMAT,
  DEVICE_STATE_VERSION,
  type DeviceState,
  deviceStateSchema,
  FIRST_STATE,
} from './device-state.ts';

/** 64 components come to some 30 KiB. */
const MAX_JOURNAL = 256 * KiB;

export interface Journal {
  /**
   * The newest state that is whole, durable by now; {@link FIRST_STATE} when there never was one.
   *
   * @throws SiltError JOURNAL_DAMAGED when no copy is whole and there is at least one, IO_FAILED
   */
  read(): Promise<DeviceState>;
  /**
   * Keeps `state`, with the next generation.
   *
   * @returns what was kept
   * @throws SiltError NO_SPACE, IO_FAILED, INTERNAL for a state that could not be read again; what was kept before stays
   */
  write(state: DeviceState): Promise<DeviceState>;
}

type Copy = { readonly state: DeviceState } | { readonly problem: SiltError } | undefined;

/** The journal in `directory`, which is made at the first write. Whoever uses it holds the lock of the device. */
export function openJournal(directory: string): Journal {
  const paths = [join(directory, 'journal.a'), join(directory, 'journal.b')] as const;
  const readBoth = async (): Promise<[Copy, Copy]> => [await readCopy(paths[0]), await readCopy(paths[1])];
  return {
    async read() {
      const copies = await readBoth();
      // Whoever wrote it may have been killed before the fsync, and it is acted upon from here on.
      if (copies.some((copy) => copy !== undefined)) await syncDirectory(directory);
      return newest(directory, copies);
    },
    async write(state) {
      await makeDirectory(directory, { again: true });
      await sweepTemporaries(directory);
      const copies = await readBoth();
      const [first, second] = copies.map(generationOf) as [number, number];
      // The newest stays as it is until the other one is newer.
      const next = { ...state, generation: Math.max(first, second, state.generation) + 1 };
      await replaceFile(first <= second ? paths[0] : paths[1], readable(encodeState(next)));
      return next;
    },
  };
}

const generationOf = (copy: Copy): number =>
  copy !== undefined && 'state' in copy ? copy.state.generation : -1;

function newest(directory: string, copies: readonly Copy[]): DeviceState {
  const [best] = copies.toSorted((one, other) => generationOf(other) - generationOf(one));
  if (best !== undefined && 'state' in best) return best.state;
  const damaged = copies.find((copy) => copy !== undefined && 'problem' in copy);
  if (damaged === undefined || !('problem' in damaged)) return FIRST_STATE;
  const { problem } = damaged;
  throw new SiltError(
    'JOURNAL_DAMAGED',
    `the journal of updates in ${directory} is damaged in every copy (${problem.message}); make sure that the ` +
      'system that runs is the right one, then remove journal.a and journal.b to begin anew',
    { details: { directory }, cause: problem },
  );
}

async function readCopy(path: string): Promise<Copy> {
  try {
    const bytes = await readSmallFile(path, MAX_JOURNAL);
    return bytes && { state: decodeState(bytes) };
  } catch (error) {
    const damaged = isSiltError(error, 'FORMAT_INVALID') || isSiltError(error, 'FORMAT_UNSUPPORTED');
    const unreadable = isSiltError(error) && error.details.systemError === 'EIO';
    if (!damaged && !unreadable) throw error;
    return { problem: error };
  }
}

/** A line with the digest of what follows, and the document. */
function encodeState(state: DeviceState): Uint8Array {
  const text = canonicalJson(state);
  return Buffer.from(`${sha256Hex(Buffer.from(text))}\n${text}\n`);
}

/** What could not be read again would bring the device back to the same transition for ever. */
function readable(bytes: Uint8Array): Uint8Array {
  try {
    decodeState(bytes);
    return bytes;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SiltError('INTERNAL', `the state of the device cannot be kept: ${why}`, { cause });
  }
}

/** @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED unless it is what {@link encodeState} makes */
function decodeState(bytes: Uint8Array): DeviceState {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.subarray(65, -1);
  if (buffer.toString('latin1', 0, 65) !== `${sha256Hex(text)}\n` || buffer.at(-1) !== 0x0a) {
    throw new SiltError('FORMAT_INVALID', 'the digest is another');
  }
  return parseDocument(text, deviceStateSchema, {
    what: 'journal',
    format: DEVICE_STATE_FORMAT,
    versions: [DEVICE_STATE_VERSION],
    limit: MAX_JOURNAL,
  });
}
