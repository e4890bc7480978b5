/**
 * What a piece of work does to the disk below one directory, call by call, and what it has promised in between.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { type DiskOperation, observeDisk } from '../../../src/io/disk.ts';
import { temporaryPath } from '../../../src/io/temporary-name.ts';

/** A promise that the work has made by then, such as "the Floor is 7"; what it means is the scenario's affair. */
export interface Promised {
  readonly kind: 'promised';
  readonly value: number;
}

export type LogEntry = DiskOperation | Promised;

let isRecording = false;

/**
 * Runs `work` and gives its log; paths are relative to `root`, and what lies elsewhere is left out.
 *
 * @param work calls its argument with each promise as soon as it holds
 */
export async function recordDisk(
  root: string,
  work: (promise: (value: number) => void) => Promise<void>,
): Promise<LogEntry[]> {
  // Two at once would each record what the other does.
  if (isRecording) throw new Error('one recording at a time: run the tests of a file one by one');
  isRecording = true;
  const log: LogEntry[] = [];
  const inside = new Set<number>();
  observeDisk((operation) => {
    const entry = below(root, operation, inside);
    if (entry !== undefined) log.push(entry);
  });
  try {
    await work((value) => log.push({ kind: 'promised', value }));
  } finally {
    observeDisk(undefined);
    isRecording = false;
  }
  return log;
}

function below(root: string, operation: DiskOperation, inside: Set<number>): DiskOperation | undefined {
  const local = (path: string): string =>
    relative(root, resolve(path)).replaceAll(temporaries, (name) =>
      name === presentBoot ? earlierBoot(name) : name,
    );
  const isLocal = (path: string): boolean => local(path) !== '..' && !local(path).startsWith(`..${sep}`);
  if (operation.kind === 'open') {
    // The number of a file that was closed comes again.
    if (isLocal(operation.path)) inside.add(operation.fd);
    else inside.delete(operation.fd);
  }
  if ('fd' in operation && !inside.has(operation.fd)) return undefined;
  if (operation.kind === 'write') return { ...operation, bytes: nextBoot(operation.bytes) };
  if ('path' in operation) {
    return isLocal(operation.path) ? { ...operation, path: local(operation.path) } : undefined;
  }
  if (!('from' in operation)) return operation;
  if (!isLocal(operation.from) || !isLocal(operation.to)) {
    throw new Error(
      `the model has one file system: ${operation.from} and ${operation.to} are not both on it`,
    );
  }
  return { ...operation, from: local(operation.from), to: local(operation.to) };
}

/** The part of the names of temporary files that tells their boot. */
const temporaries = /(?<=\.silt-[0-9a-f]{4})[0-9a-f]{4}(?=[0-9a-f]{8}\.tmp(?:\/|$))/g;
const [presentBoot] = temporaryPath('x').match(temporaries) ?? [];

const earlierBoot = (boot: string): string =>
  boot.replaceAll(/[0-9a-f]/g, (digit) => (digit === '1' ? '2' : '1'));

/**
 * The bytes as the boot after the power cut sees them. A lock names the boot of its owner, and this process,
 * which stands for the next boot, must not find that it is the owner itself.
 */
function nextBoot(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  if (copy.length > 1024) return copy;
  const at = copy.indexOf(bootId());
  if (at >= 0) copy.write(bootId().replaceAll(/[0-9a-f]/g, '0'), at, 'latin1');
  return copy;
}

let boot: string | undefined;
function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return boot;
}
