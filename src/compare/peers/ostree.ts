/**
 * OSTree static deltas: the image as the only file of a commit, and a delta from the commit before.
 *
 * Debian package `ostree`; the device has a repository that holds the old commit, downloads the delta as one
 * file, applies it and takes the image out by a hard link. It does not pull: `ostree pull` of Debian 12 (2022.7)
 * fetches every object that a delta has a second time by itself, which is a known bug. What is not fair: OSTree is
 * made for trees of files, which it shares between commits. One large file is not its best case: where more than
 * half of it are blocks of the old one, the delta is those blocks and the rest; else bsdiff, up to 128 MiB. And
 * the server's repository holds all releases whole, for new devices, which other delta tools do not count.
 *
 * @module
 */
import { constants, existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchJob, Kind, Peer } from '../peer.ts';

export const ostree: Peer = {
  name: 'ostree',
  title: 'OSTree static delta, image as one file',
  family: 'delta',
  programs: [{ command: 'ostree', versionArgs: ['--version'], install: 'apt-get install ostree' }],
  publish: async ({ site, work, release, image, run }) => {
    const repo = `--repo=${join(site, 'repo')}`;
    const tree = join(work, 'tree');
    await mkdir(tree, { recursive: true });
    await copyFile(image, join(tree, 'image'), constants.COPYFILE_FICLONE);
    await run('ostree', ['init', repo, '--mode=archive']);
    const what = [`--branch=${branch(release)}`, `--tree=dir=${tree}`];
    await run('ostree', ['commit', repo, ...what, '--canonical-permissions', '--no-xattrs']);
    await rm(tree, { recursive: true });
    if (release > 1) {
      const between = [`--from=${branch(release - 1)}`, `--to=${branch(release)}`];
      // Without a fallback to whole objects, in one file: so it can be applied without pulling.
      const form = ['--inline', '--min-fallback-size=0', `--filename=${join(site, delta(release))}`];
      await run('ostree', ['static-delta', 'generate', repo, ...form, ...between]);
    }
    await run('ostree', ['summary', repo, '--update']);
  },
  prepare: (job) => pull(job, job.release - 1),
  fetch: async (job) => {
    const { release, seed, output, state, run, download } = job;
    if (seed === undefined) await pull(job, release);
    else {
      const file = join(state, delta(release));
      if (!existsSync(file)) await download(delta(release), file);
      await run('ostree', ['static-delta', 'apply-offline', repoOf(state), file]);
    }
    const commit = join(state, 'commit');
    await download(`repo/refs/heads/${branch(release)}`, commit);
    // Beside the output, where renaming costs nothing.
    const checkout = `${output}.checkout`;
    await rm(checkout, { recursive: true, force: true });
    const revision = (await readFile(commit, 'utf8')).trim();
    await run('ostree', ['checkout', repoOf(state), '-U', revision, checkout]);
    await rename(join(checkout, 'image'), output);
    await rm(checkout, { recursive: true });
  },
  kindOf,
};

async function pull({ url, state, run }: Omit<FetchJob, 'output'>, release: number): Promise<void> {
  const repo = repoOf(state);
  const remote = ['--if-not-exists', '--no-sign-verify', '--no-gpg-verify', 'origin', `${url}repo`];
  await run('ostree', ['init', repo, '--mode=bare-user-only']);
  await run('ostree', ['remote', 'add', repo, ...remote]);
  // The address may be another one than at the first attempt.
  await run('ostree', ['pull', repo, `--url=${url}repo`, 'origin', branch(release)]);
}

function repoOf(state: string): string {
  return `--repo=${join(state, 'repo')}`;
}

function branch(release: number): string {
  return `release-${release}`;
}

function delta(release: number): string {
  return `${release}.delta`;
}

function kindOf(path: string): Kind {
  return path.endsWith('.delta') || path.endsWith('.filez') ? 'data' : 'metadata';
}
