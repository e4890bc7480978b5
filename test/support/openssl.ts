/**
 * The openssl program as a second opinion. Tests that need it are skipped by name where it is missing, except
 * with CI=true.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findProgram } from '../../src/compare/find-program.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const isMissing = findProgram('openssl', process.env) === undefined;

/** A test that needs openssl. */
export const opensslTest = isMissing && process.env.CI !== 'true' ? test.skip : test;

/** What goes into files for one call, by the name that stands in the arguments as `@name`. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** The output of openssl; `undefined` when it fails. */
export async function openssl(
  t: ExecutionContext<unknown>,
  args: readonly string[],
  files: Files,
): Promise<Buffer | undefined> {
  const directory = await temporaryDirectory(t);
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  const full = args.map((arg) => (arg.startsWith('@') ? join(directory, arg.slice(1)) : arg));
  return await new Promise((resolve) => {
    execFile('openssl', full, { encoding: 'buffer' }, (error, stdout) => {
      resolve(error === null ? stdout : undefined);
    });
  });
}

/** As {@link openssl}, for what has to work. */
export async function opensslOutput(
  t: ExecutionContext<unknown>,
  args: readonly string[],
  files: Files,
): Promise<Buffer> {
  const output = await openssl(t, args, files);
  if (output === undefined) throw new Error(`openssl ${args.join(' ')} has failed`);
  return output;
}
