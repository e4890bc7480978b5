/**
 * Looks into the disk of a device that is off: its slots, GRUB's environment, and files of its data partition.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { decodeGrubEnvironment } from '../../src/device/boot/grub-environment.ts';
import { partition } from './disk-layout.ts';
import { runTool } from './run-tool.ts';

/** Of GRUB's environment, as text such as `ORDER=B A A_OK=1`. */
export async function readGrubVariables(disk: string): Promise<ReadonlyMap<string, string>> {
  const bytes = await runTool('mtype', ['-i', `${disk}@@${partition('boot').start}`, '::/grub/grubenv']);
  const { lines } = decodeGrubEnvironment(bytes);
  return new Map(
    lines
      .filter((line) => !line.startsWith('#'))
      .map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)];
      }),
  );
}

/** Whether the slot begins with all bytes of the file `image`. */
export async function slotHolds(disk: string, slot: 'A' | 'B', image: string): Promise<boolean> {
  const { size } = await stat(image);
  const { start } = partition(slot);
  return (await digest(disk, start, start + size - 1)) === (await digest(image, 0, size - 1));
}

/** A file of the data partition, which must have been unmounted. */
export async function readData(disk: string, path: string): Promise<Buffer> {
  const found = await runTool('debugfs', ['-R', `cat ${path}`, `${disk}?offset=${partition('data').start}`]);
  if (found.length === 0) throw new Error(`expected ${path} on the data partition, found nothing`);
  return found;
}

async function digest(path: string, start: number, end: number): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { start, end }), hash);
  return hash.digest('hex');
}
