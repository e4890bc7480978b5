/**
 * `silt delta`: deltas between two files, without a repository.
 *
 * @module
 */
import type { Command } from 'commander';
import { parseSize } from '../../core/sizes.ts';
import type { Entropy } from '../../delta/window-encoder.ts';
import { describeDiff, describePatch, describeSummary } from '../describe-delta.ts';
import { EXIT_DONE } from '../exit.ts';
import { entropyOption, parseCount, withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, peakMemory, runCommand } from '../run-command.ts';

interface DiffCommandOptions extends OutputOptions {
  readonly workers?: number;
  readonly memory?: number;
  readonly windowSize?: number;
  readonly entropy?: Entropy;
}

interface PatchCommandOptions extends OutputOptions {
  readonly workers?: number;
  readonly verifyBase?: boolean;
}

interface InfoCommandOptions extends OutputOptions {
  readonly windows?: boolean;
}

const examples = `
Examples:
  silt delta diff old.ext4 new.ext4 update.delta
  silt delta patch old.ext4 update.delta new.ext4
  silt delta patch /dev/mmcblk0p2 update.delta /dev/mmcblk0p3
  silt delta info update.delta`;

const diffExamples = `
Examples:
  silt delta diff old.ext4 new.ext4 update.delta
  silt delta diff app-1.tar app-2.tar app.delta --memory 300MiB --workers 2
  silt delta diff old.img new.img small.delta --window-size 8MiB --json`;

const patchExamples = `
Examples:
  silt delta patch old.ext4 update.delta new.ext4
  silt delta patch /dev/mmcblk0p2 update.delta /dev/mmcblk0p3 --workers 1
  silt delta patch old.ext4 update.delta new.ext4 --verify-base --json`;

const infoExamples = `
Examples:
  silt delta info update.delta
  silt delta info update.delta --json
  silt delta info update.delta --windows | less`;

const threads = parseCount('--workers', 1, 1024);

/** Adds the command to `program`. */
export function addDelta(program: Command): void {
  const delta = program
    .command('delta')
    .summary('make, apply and explain deltas between two files')
    .description('Makes a delta between two files, applies one, or tells where its bytes went.')
    .addHelpText('after', examples);
  addDiff(delta);
  addPatch(delta);
  addInfo(delta);
}

function addDiff(delta: Command): void {
  const command = delta
    .command('diff')
    .summary('make a delta')
    .description('Makes the delta that turns OLD into NEW. PATCH appears when it is complete.')
    .argument('<OLD>', 'the old image: a file or block device')
    .argument('<NEW>', 'the new image: a file or block device')
    .argument('<PATCH>', 'the delta file to write')
    .option('--workers <n>', 'threads; by default one a processor, four at most', threads)
    .option(
      '--memory <size>',
      'bound for finding matches, 512MiB by default; less may make it larger',
      parseSize,
    )
    .option('--window-size <size>', 'bytes that stand alone, 64KiB to 16MiB; by default 1MiB', parseSize)
    .addOption(entropyOption('--entropy'));
  withOutputOptions(command)
    .addHelpText('after', diffExamples)
    .action((old: string, target: string, patch: string, options: DiffCommandOptions) =>
      runCommand(options, 'interrupted; no delta was written', (session) =>
        diffCommand([old, target, patch], options, session),
      ),
    );
}

function addPatch(delta: Command): void {
  const command = delta
    .command('patch')
    .summary('apply a delta')
    .description(
      'Rebuilds the new image from OLD and PATCH. A file takes its name when it is complete and verified; ' +
        'a block device is written in place. Interrupted, the same command goes on where it stopped.',
    )
    .argument('<OLD>', 'the image that the delta was made from: a file or block device')
    .argument('<PATCH>', 'the delta file')
    .argument('<NEW>', 'where to write: a file, or a block device that nothing boots from')
    .option('--workers <n>', 'threads that decode; by default 2', threads)
    .option('--verify-base', 'read and check the whole of OLD first');
  withOutputOptions(command)
    .addHelpText('after', patchExamples)
    .action((old: string, patch: string, target: string, options: PatchCommandOptions) =>
      runCommand(
        options,
        'interrupted; what was written is kept. Run the same command again to resume',
        (session) => patchCommand([old, patch, target], options, session),
      ),
    );
}

function addInfo(delta: Command): void {
  const command = delta
    .command('info')
    .summary('tell where the bytes of a delta went')
    .description('Tells what a delta is made from and where its bytes went.')
    .argument('<PATCH>', 'the delta file')
    .option('--windows', 'list every window');
  withOutputOptions(command)
    .addHelpText('after', infoExamples)
    .action((patch: string, options: InfoCommandOptions) =>
      runCommand(options, 'interrupted', (session) => infoCommand(patch, options, session)),
    );
}

async function diffCommand(
  [basePath, targetPath, patchPath]: readonly [string, string, string],
  options: DiffCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  // Loaded when needed, for a device that fetches should not hold an encoder in memory.
  const { diff } = await import('../../differ/delta.ts');
  const made = await diff({
    basePath,
    targetPath,
    patchPath,
    workers: options.workers,
    memoryBytes: options.memory,
    entropy: options.entropy,
    windowBytes: options.windowSize,
    signal,
    onProgress: ({ phase, bytesDone, bytesTotal }) =>
      output.progress.show({ label: phase, done: bytesDone, total: bytesTotal }),
  });
  const result = { ...made, peakMemory: peakMemory() };
  output.result(result, () => describeDiff(result, patchPath));
  return EXIT_DONE;
}

async function patchCommand(
  [basePath, patchPath, outputPath]: readonly [string, string, string],
  options: PatchCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const { applyDelta } = await import('../../differ/apply-delta.ts');
  const report = await applyDelta({
    basePath,
    patchPath,
    outputPath,
    workers: options.workers,
    verifyBase: options.verifyBase,
    signal,
    onProgress: ({ bytesDone, bytesTotal }) =>
      output.progress.show({ label: 'patch', done: bytesDone, total: bytesTotal }),
  });
  const result = { ...report, peakMemory: peakMemory() };
  output.result(result, () => describePatch(result, outputPath));
  return EXIT_DONE;
}

async function infoCommand(
  path: string,
  { windows }: InfoCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const { describeDelta } = await import('../../differ/describe-delta.ts');
  const summary = await describeDelta(path, { windows, signal });
  output.result(summary, () => describeSummary(summary));
  return EXIT_DONE;
}
