/**
 * The command line as a whole: commands, help, usage errors, and what becomes of an error.
 *
 * @module
 */
import { Command, CommanderError } from 'commander';
import { SiltError } from '../core/errors.ts';
import { ioError, systemCode } from '../io/io-error.ts';
import { EXIT_DONE, exitOf } from './exit.ts';
import { reportError } from './output.ts';
import { packageVersion } from './package-version.ts';

/** The commands in the order of the help. Each is loaded when it is wanted: a device needs one of them. */
const commands: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  publish: async () => (await import('./commands/publish.ts')).addPublish,
  fetch: async () => (await import('./commands/fetch.ts')).addFetch,
  inspect: async () => (await import('./commands/inspect.ts')).addInspect,
  verify: async () => (await import('./commands/verify.ts')).addVerify,
  delta: async () => (await import('./commands/delta.ts')).addDelta,
  keys: async () => (await import('./commands/keys.ts')).addKeys,
  sign: async () => (await import('./commands/sign.ts')).addSign,
  release: async () => (await import('./commands/release.ts')).addRelease,
  channel: async () => (await import('./commands/channel.ts')).addChannel,
  jobs: async () => (await import('./commands/jobs.ts')).addJobs,
  prune: async () => (await import('./commands/prune.ts')).addPrune,
  floor: async () => (await import('./commands/floor.ts')).addFloor,
  install: async () => (await import('./commands/install.ts')).addInstall,
  status: async () => (await import('./commands/status.ts')).addStatus,
  'mark-good': async () => (await import('./commands/mark-good.ts')).addMarkGood,
  rollback: async () => (await import('./commands/rollback.ts')).addRollback,
  agent: async () => (await import('./commands/agent.ts')).addAgent,
  device: async () => (await import('./commands/device.ts')).addDevice,
  serve: async () => (await import('./commands/serve.ts')).addServe,
  bench: async () => (await import('./commands/bench.ts')).addBench,
};

const epilogue = `
Each command has a --help with examples. Exit codes: 0 done, 1 failed, 2 usage, 4 nothing to do (only with
--detailed-exitcode), 10 no such release, 11 locked, 12 trust failed, 13 downgrade refused, 14 not compatible,
15 no space, 16 seed or target damaged, 17 over budget, 75 try later, 130 interrupted.`;

/** Runs the command that `argv` (as in `process.argv`) names; gives the exit status. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  // Before anything is parsed, as the parsing itself may fail.
  const json = argv.includes('--json');
  try {
    process.stdout.on('error', (error) => outputFailed(error, json));
    process.stderr.on('error', () => {});
    const program = await createProgram(argv[2]);
    await program.parseAsync(argv);
    return Number(process.exitCode ?? EXIT_DONE);
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT_DONE;
    const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
    // Without a command the help has been shown already, on stderr.
    if ((thrown as { code?: unknown }).code !== 'commander.help') reportError(error, { json });
    return exitOf(error);
  }
}

/** @param wanted the first argument; all commands are loaded where it names none */
async function createProgram(wanted: string | undefined): Promise<Command> {
  const program = new Command('silt')
    .description('Delta updates: publish small, fetch only what is missing, verify everything.')
    .version(packageVersion(), '--version', 'print the version')
    // publish and fetch have a --version of their own.
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText('after', epilogue);
  for (const add of await loadCommands(wanted)) add(program);
  return program;
}

async function loadCommands(wanted: string | undefined): Promise<((program: Command) => void)[]> {
  const one = Object.hasOwn(commands, wanted ?? '') ? commands[wanted ?? ''] : undefined;
  const loaders = one === undefined ? Object.values(commands) : [one];
  return await Promise.all(loaders.map((load) => load()));
}

function usageError(error: CommanderError): SiltError {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new SiltError('USAGE', `${message}; --help shows how it is used`, { cause: error });
}

/** Who closes the pipe early, as `head` does, has seen enough. */
function outputFailed(error: unknown, json: boolean): void {
  if (systemCode(error) === 'EPIPE') return;
  const failure = ioError(error, 'write to', 'standard output');
  reportError(failure, { json });
  process.exit(exitOf(failure));
}
