/**
 * bita: one archive a release, brotli 6, chunks of 64 KiB in the mean; the device asks for ranges of it.
 *
 * From the crates registry, `cargo install bita`; the device runs `bita clone` with the old image as seed. It is
 * told to ask again after a broken answer, which it would not do by itself, and to use what an interrupted
 * attempt has left. What is not fair: an archive holds all chunks of its release, so ten releases take ten
 * times the space, where the stores of other tools share theirs. And bita 0.15.0 often loses the last bytes of
 * a small archive without noticing: it is run again then, and the publisher's account has all the runs.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peer } from '../peer.ts';

/** More than anybody would, so that a benchmark does not fail by bad luck. */
const MAX_ATTEMPTS = 20;

export const bita: Peer = {
  name: 'bita',
  title: 'bita, chunks of 64 KiB in the mean, brotli 6',
  family: 'chunks',
  programs: [
    { command: 'bita', versionArgs: ['--version'], install: 'cargo install bita --version 0.15.0 --locked' },
  ],
  publish: async ({ site, work, release, image, run }) => {
    const archive = join(site, `${release}.cba`);
    const stdout = join(work, 'compress.txt');
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      // One chunk at a time is slower, and rarely loses bytes.
      const careful = attempt === 1 ? [] : ['--buffered-chunks', '1'];
      await run('bita', ['compress', '-f', ...careful, '-i', image, archive], { stdout });
      if (await isWhole(archive, stdout)) return;
    }
    throw new Error(`expected a whole archive from bita compress, found a cut one ${MAX_ATTEMPTS} times`);
  },
  fetch: ({ url, release, seed, output, run }) =>
    run('bita', [
      ...['clone', '--http-retry-count', '10', '--http-retry-delay', '1'],
      ...(seed === undefined ? [] : ['--seed', seed]),
      ...(existsSync(output) ? ['--seed-output'] : []),
      `${url}${release}.cba`,
      output,
    ]),
  kindOf: () => 'data',
};

/** True unless the archive is shorter than bita has said. */
async function isWhole(archive: string, said: string): Promise<boolean> {
  const bytes = /Archive size: .*\((\d+) bytes\)/.exec(await readFile(said, 'utf8'))?.[1];
  return bytes === undefined || Number(bytes) === (await stat(archive)).size;
}
