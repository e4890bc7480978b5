/**
 * The options that share work with other machines. Where the queue is comes from the environment, for it may hold a
 * password, which everybody could read in the list of processes.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../core/errors.ts';
import type { JobOptions } from '../publisher/jobs/job-queue.ts';
import type { QueuePlace } from '../publisher/jobs/redis-connection.ts';
import type { Output } from './output.ts';
import { packageVersion } from './package-version.ts';

export interface JobFlags {
  readonly jobs?: boolean;
  readonly leaveJobs?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Adds `--jobs` and `--leave-jobs`. */
export function withJobOptions(command: Command): Command {
  return command
    .option(
      '--jobs',
      'have deltas made by "silt jobs work" on other machines too; SILT_JOBS_URL says where the queue is',
    )
    .option('--leave-jobs', 'with --jobs: make no delta here as long as there is a worker');
}

/**
 * How deltas are shared; `undefined` when they are not.
 *
 * @throws SiltError USAGE
 */
export async function jobOptions(
  { jobs, leaveJobs }: JobFlags,
  env: Environment,
  output: Output,
): Promise<JobOptions | undefined> {
  if (jobs !== true) {
    if (leaveJobs !== true) return undefined;
    throw new SiltError('USAGE', 'expected --jobs with --leave-jobs');
  }
  const place = queuePlace(env);
  const { queueLocation, loadBullmq } = await import('../publisher/jobs/redis-connection.ts');
  // Now, rather than after the images have been stored.
  queueLocation(place);
  await loadBullmq();
  return {
    silt: place.silt,
    leave: leaveJobs === true,
    onNote: (line) => output.warn(`note: ${line}`),
    open: async (kind) => {
      const { openRedisQueue } = await import('../publisher/jobs/redis-queue.ts');
      return await openRedisQueue(place, kind);
    },
  };
}

/** What SILT_JOBS_URL and SILT_JOBS_QUEUE say. @throws SiltError USAGE without the first */
export function queuePlace(env: Environment): QueuePlace {
  const { SILT_JOBS_URL: url, SILT_JOBS_QUEUE: prefix } = env;
  if (!url) {
    throw new SiltError(
      'USAGE',
      'expected SILT_JOBS_URL to say where the queue of jobs is, such as rediss://:PASSWORD@HOST:6379',
    );
  }
  return { url, silt: packageVersion(), ...(prefix && { prefix }) };
}
