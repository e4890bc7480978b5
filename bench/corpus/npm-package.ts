/**
 * Packages from the user's own npm, by name and version: fetched once, held to the integrity that npm reports.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { packTar } from '../../scripts/pack-tar.ts';
import { type RunContext, readProgram, runProgram } from './run-program.ts';

/**
 * One file of the package `spec` (`NAME@VERSION`), or with `take` = `tree` all of its files as a tar that is
 * the same everywhere.
 *
 * @param context `cwd` is a directory of this call alone, for what it has to keep
 * @throws Error when npm or tar fails, or the package is not what npm says it is
 */
export async function* readNpmPackage(
  spec: string,
  take: string,
  context: RunContext,
): AsyncGenerator<Uint8Array> {
  const archive = await fetchPackage(spec, context);
  if (take !== 'tree') {
    yield* readProgram('tar', ['-xzOf', archive, `package/${take}`], context);
    return;
  }
  const tree = join(context.cwd, 'tree');
  await mkdir(tree);
  await runProgram('tar', ['-xzf', archive, '-C', tree], context);
  const tar = join(context.cwd, 'tree.tar');
  await packTar(join(tree, 'package'), 'package', tar);
  yield* createReadStream(tar);
}

/** Fetches the package into the working directory. @returns the path of the archive */
async function fetchPackage(spec: string, context: RunContext): Promise<string> {
  const printed = await runProgram('npm', ['pack', spec, '--json', '--loglevel=error'], context);
  // An array up to npm 11, an object by package later.
  const [packed] = Object.values(JSON.parse(printed) as Record<string, Packed>);
  if (packed === undefined) throw new Error(`npm pack ${spec} said nothing of what it fetched`);
  const archive = join(context.cwd, packed.filename);
  const [algorithm = '', expected] = packed.integrity.split('-', 2);
  const digest = createHash(algorithm);
  await pipeline(createReadStream(archive), digest);
  const found = digest.digest('base64');
  if (found !== expected) {
    throw new Error(`${spec}: expected the integrity ${packed.integrity}, found ${algorithm}-${found}`);
  }
  return archive;
}

/** What `npm pack --json` prints, as far as it matters here. */
interface Packed {
  readonly filename: string;
  readonly integrity: string;
}
