/**
 * Stages as files.
 *
 * @module
 */
import { replaceFile } from '../io/atomic.ts';
import { decodeStage, encodeStage, MAX_STAGE, type Stage } from '../trust/ledger/stage.ts';
import { readOptionFile } from './read-option-file.ts';

/** @throws SiltError IO_FAILED, FORMAT_INVALID, TRUST_MALFORMED, MANIFEST_ALTERED, MANIFEST_SWAPPED */
export async function readStage(path: string): Promise<Stage> {
  return decodeStage(await readOptionFile('STAGE', path, MAX_STAGE));
}

export async function writeStage(path: string, stage: Stage): Promise<void> {
  await replaceFile(path, encodeStage(stage));
}
