/**
 * A directory as a tar archive that is the same on every machine: names sorted by code unit, no times, no
 * owners, mode 755 for what may be executed and 644 for the rest. POSIX.1-1988 ustar; regular files only.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const BLOCK = 512;

export interface PackedTar {
  readonly size: number;
  readonly sha256: string;
}

/** Writes the files of `directory` to the archive `output`, under `prefix`. */
export async function packTar(directory: string, prefix: string, output: string): Promise<PackedTar> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => (a < b ? -1 : 1));
  const digest = createHash('sha256');
  const archive = await open(output, 'wx');
  let size = 0;
  const append = async (bytes: Uint8Array): Promise<void> => {
    digest.update(bytes);
    size += bytes.length;
    await writeAll(archive, bytes);
  };
  try {
    for (const path of files) {
      const bytes = await readFile(path);
      const { mode } = await stat(path);
      const name = join(prefix, path.slice(directory.length + 1)).replaceAll('\\', '/');
      await append(header(name, bytes.length, (mode & 0o100) === 0 ? 0o644 : 0o755));
      await append(bytes);
      await append(Buffer.alloc(-bytes.length & (BLOCK - 1)));
    }
    await append(Buffer.alloc(2 * BLOCK));
  } finally {
    await archive.close();
  }
  return { size, sha256: digest.digest('hex') };
}

function header(name: string, size: number, mode: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const split = name.length <= 100 ? -1 : name.indexOf('/', name.length - 101);
  if (Buffer.byteLength(name) !== name.length || name.length - split - 1 > 100 || split > 155) {
    throw new Error(`${name} does not fit into a ustar header`);
  }
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(name.slice(split + 1), 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136);
  // The checksum counts its own field as spaces.
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257, 'latin1');
  if (split > 0) block.write(name.slice(0, split), 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at);
    at += bytesWritten;
  }
}
