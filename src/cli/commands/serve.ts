/**
 * `silt serve`: a repository over HTTP, for a lab, a demo or a bench.
 *
 * @module
 */
import { once } from 'node:events';
import type { Command } from 'commander';
import { type ServedRequest, startStaticServer } from '../../server/static-server.ts';
import { EXIT_DONE } from '../exit.ts';
import { parseCount, withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

interface ServeCommandOptions extends OutputOptions {
  readonly port: number;
  readonly host: string;
}

const examples = `
Examples:
  silt serve ./repo
  silt serve ./repo --port 8080 --host 0.0.0.0
  silt serve ./repo --quiet --port 8080 &
  silt fetch --repo http://127.0.0.1:8080/ --product gateway --output rootfs.ext4`;

/** Adds the command to `program`. */
export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .summary('serve a repository over HTTP')
    .description('Serves a directory over HTTP with ranges, validators and cache headers, until Ctrl-C.')
    .argument('<DIR>', 'the repository')
    .option('--port <n>', 'by default a free one; the URL is printed', parseCount('--port', 0, 65_535), 0)
    .option('--host <address>', 'where to listen', '127.0.0.1');
  withOutputOptions(command)
    .addHelpText('after', examples)
    .action((directory: string, options: ServeCommandOptions) =>
      runCommand(options, 'stopped', (session) => serveCommand(directory, options, session)),
    );
}

async function serveCommand(
  directory: string,
  { port, host, json, quiet }: ServeCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const onRequest = (request: ServedRequest): void => output.note(describe(request));
  const server = await startStaticServer(directory, { port, host, onRequest });
  // The URL is wanted even when the requests are not.
  if (quiet && !json) process.stdout.write(`${server.url}\n`);
  output.result({ url: server.url }, () => [server.url]);
  if (!signal.aborted) await once(signal, 'abort');
  await server.close();
  // For a server the signal is the ordinary end.
  return EXIT_DONE;
}

function describe({ method, path, range, status, bytes, seconds }: ServedRequest): string {
  const time = new Date().toISOString();
  return `${time} ${method} ${path} ${range ?? '-'} ${status} ${bytes} ${(seconds * 1000).toFixed(0)}ms`;
}
