/**
 * What the delta tools have in common: one patch a release, from the release before to it; the device downloads
 * the patch whole and then applies it.
 *
 * What is not fair to the others: only a device that runs the release before can use a patch; for any other the
 * publisher would have to make more of them, or keep the whole images too, and none of that is counted here.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Peer, PublishJob, Run } from '../peer.ts';

export interface DeltaTool extends Pick<Peer, 'name' | 'title' | 'programs' | 'refuses'> {
  /** Writes to the file `patch` what makes `image` of `old`. */
  encode(job: EncodeJob): Promise<void>;
  /** Makes `output` of `old` and `patch`, whatever an attempt before has left at `output`. */
  apply(job: ApplyJob): Promise<void>;
}

export interface EncodeJob extends Pick<PublishJob, 'image' | 'work' | 'run'> {
  readonly old: string;
  readonly patch: string;
}

export interface ApplyJob {
  readonly old: string;
  readonly patch: string;
  readonly output: string;
  /** For what the tool needs in between. */
  readonly state: string;
  readonly run: Run;
}

/** The peer that publishes and takes updates with `tool`. */
export function deltaPeer({ encode, apply, ...about }: DeltaTool): Peer {
  return {
    ...about,
    family: 'delta',
    publish: async ({ site, work, release, image, previous, run }) => {
      if (previous === undefined) return;
      await encode({ old: previous, image, patch: join(site, patchName(release)), work, run });
    },
    fetch: async ({ release, seed, state, output, run, download }) => {
      if (seed === undefined) {
        throw new Error(`${about.name} cannot install release ${release}: a patch needs the release before`);
      }
      const patch = join(state, patchName(release));
      if (!existsSync(patch)) await download(patchName(release), patch);
      await apply({ old: seed, patch, output, state, run });
    },
    kindOf: () => 'data',
  };
}

function patchName(release: number): string {
  return `${release}.patch`;
}
