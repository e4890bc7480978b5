/**
 * `silt jobs work`: makes deltas for publishers on other machines.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { formatSize, parseSize } from '../../core/sizes.ts';
import type { DeltaResult } from '../../format/delta-job.ts';
import { ioError } from '../../io/io-error.ts';
import { EXIT_DONE } from '../exit.ts';
import { queuePlace } from '../job-options.ts';
import { openToChange } from '../open-to-change.ts';
import { type CommonOptions, parseCount, REPO_TO_CHANGE, withOutputOptions } from '../options.ts';
import { type PutFlags, withPutOptions } from '../put-flags.ts';
import { type CommandSession, peakMemory, runCommand } from '../run-command.ts';

interface WorkOptions extends CommonOptions, PutFlags {
  readonly seal?: string;
  readonly workers?: number;
  readonly memory?: number;
}

const examples = `
Examples:
  SILT_JOBS_URL=redis://10.0.0.5:6379 silt jobs work --repo s3://updates/gateway
  SILT_JOBS_URL=redis://10.0.0.5:6379 silt jobs work --repo s3://updates/gateway --seal ./seal.json
  SILT_JOBS_URL=redis://10.0.0.5:6379 silt publish rootfs.ext4 --repo s3://updates/gateway --keys ./keys \\
      --product gateway --version 1.5.0 --bases 10 --jobs`;

/** A store that wants it slower is obeyed, for some minute. */
const ATTEMPTS = 8;

/** Adds the command to `program`. */
export function addJobs(program: Command): void {
  const jobs = program
    .command('jobs')
    .summary('make deltas for publishers on other machines')
    .description('Shares the deltas of "silt publish --jobs" among machines, through Redis.')
    .addHelpText('after', examples);
  const work = jobs
    .command('work')
    .summary('make deltas until Ctrl-C')
    .description(
      'Takes deltas that "silt publish --jobs" wants, makes them of what the repository has, and stores them there.\n' +
        'SILT_JOBS_URL says where the queue is. Signs nothing and needs no keys.',
    )
    .requiredOption('--repo <location>', REPO_TO_CHANGE)
    .option(
      '--seal <file>',
      'take the jobs of sealed releases, of which this is the secret; otherwise all others',
    )
    .option(
      '--workers <n>',
      'threads; by default one a processor, four at most',
      parseCount('--workers', 1, 1024),
    )
    .option(
      '--memory <size>',
      'the most that a job may take for finding matches; by default 2 GiB',
      parseSize,
    );
  withOutputOptions(withPutOptions(work))
    .addHelpText('after', examples)
    .action((options: WorkOptions) =>
      runCommand(options, 'stopped', (session) => workCommand(options, session)),
    );
}

async function workCommand(options: WorkOptions, { output, signal }: CommandSession): Promise<number> {
  const place = queuePlace(process.env);
  const { queueLocation } = await import('../../publisher/jobs/redis-connection.ts');
  const location = queueLocation(place);
  await using stack = new AsyncDisposableStack();
  let onRequest = (): void => {};
  const opening = {
    ...({ use: 'add', attempts: ATTEMPTS, stack, signal, env: process.env } as const),
    onRequest: () => onRequest(),
  };
  const store = await openToChange(options.repo, options, opening);
  const master = options.seal === undefined ? undefined : await readSecret(options.seal);
  const directory = await makeTemporary(tmpdir());
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const { defaultWorkers } = await import('../../pool/pool.ts');
  const { JobBench } = await import('../../publisher/jobs/job-bench.ts');
  const { workOnJobs } = await import('../../publisher/jobs/redis-worker.ts');
  const bench = new JobBench({
    store,
    directory,
    silt: place.silt,
    master,
    mostMemory: options.memory,
    workers: options.workers ?? defaultWorkers(),
  });
  const counts = { done: 0, failed: 0 };
  await workOnJobs(place, {
    kind: master === undefined ? 'plain' : 'sealed',
    signal,
    async answer(data, attempt) {
      // Every answer of the store is a step of the job, too.
      onRequest = attempt.moved;
      return await bench.answer(data, attempt);
    },
    onReady: () => output.note(`waiting for jobs at ${location}`),
    onDone: (result) => {
      counts.done += 1;
      output.note(describeResult(result));
    },
    onFailed: (error) => {
      // The one that Ctrl-C ended goes to another worker.
      if (signal.aborted) return;
      counts.failed += 1;
      output.warn(`a job failed: ${error.message}`);
    },
    onTrouble: (error) => output.warn(error.message),
  });
  const report = { location, ...counts, peakMemory: peakMemory() };
  output.result(report, () => [`${counts.done} jobs done, ${counts.failed} failed`]);
  // As for any server the signal is the ordinary end.
  return EXIT_DONE;
}

async function readSecret(path: string) {
  const { readMasterSecret } = await import('../../trust/seal/master-secret.ts');
  return await readMasterSecret(path);
}

async function makeTemporary(parent: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, 'silt-jobs-'));
  } catch (error) {
    throw ioError(error, 'create a temporary directory in', parent);
  }
}

function describeResult(result: DeltaResult): string {
  if (!result.kept) return 'no delta: it would save nothing';
  const { sha256, size, seconds } = result;
  return `delta ${sha256.slice(0, 12)}: ${formatSize(size)} in ${seconds.toFixed(1)} s`;
}
