/**
 * The releases that a simulated fleet has and comes to: real ones of the corpus, or small seeded ones that need
 * nothing.
 *
 * @module
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { seededBytes, seededRandom } from '../../test/support/seeded-bytes.ts';
import { corpusDirectory, findPair } from '../corpus/pairs.ts';

export interface FleetImages {
  /** What they are, for the heading. */
  readonly about: string;
  /** Paths, the oldest release first; versions count from 1. */
  readonly paths: readonly string[];
}

/** As many of the last releases of a row as a fleet has. */
const LAST = 4;

/** The last releases of a pair or row of the corpus. @throws Error when they are not there */
export function corpusImages(name: string, env: NodeJS.ProcessEnv): FleetImages {
  const pair = findPair(name);
  const paths = pair?.releases.slice(-LAST).map((file) => join(corpusDirectory(env), file)) ?? [];
  if (paths.length === 0 || !paths.every((path) => existsSync(path))) {
    throw new Error(
      `expected ${name} in the corpus; npm run bench:corpus -- ${name} makes it, or use --seeded`,
    );
  }
  return { about: `${name}, ${pair?.standsFor}`, paths };
}

/** Four releases of 6 MiB, each with some hundred small edits and 300 KiB of new bytes. */
export function seededImages(directory: string): FleetImages {
  let image: Uint8Array = seededBytes('fleet', 6 * MiB);
  const paths: string[] = [];
  for (let version = 1; version <= LAST; version += 1) {
    if (version > 1) image = nextImage(image, version);
    const path = join(directory, `image-${version}`);
    writeFileSync(path, image);
    paths.push(path);
  }
  return { about: 'four seeded releases of 6 MiB', paths };
}

function nextImage(image: Uint8Array, version: number): Uint8Array {
  const random = seededRandom(version);
  const next = Buffer.from(image);
  for (let edit = 0; edit < 100; edit += 1) {
    next.set(seededBytes(`edit ${version} ${edit}`, 8), Math.floor(random() * (next.length - 8)));
  }
  next.set(seededBytes(`new ${version}`, 300 * KiB), Math.floor(random() * (next.length - 300 * KiB)));
  return next;
}
