/**
 * The command line with `--json`: what it gives as data.
 *
 * @module
 */
import type { ExecutionContext } from 'ava';
import { type Cli, createCli } from './run-cli.ts';

export interface JsonCli extends Cli {
  /** Runs it with `--json`, requires the exit status, gives the document of stdout. */
  json<T>(status: number, ...args: string[]): Promise<T>;
  /** The same for a failure: `error` of the document of stderr. */
  fails(status: number, ...args: string[]): Promise<Readonly<Record<string, unknown>>>;
}

/** A command line in a temporary directory. @param env set besides what this process has */
export async function createJsonCli(
  t: ExecutionContext<unknown>,
  env: Readonly<Record<string, string>> = {},
): Promise<JsonCli> {
  const cli = await createCli(t, env);
  return {
    ...cli,
    async json<T>(status: number, ...args: string[]) {
      const result = await cli.run(...args, '--json');
      t.is(result.stderr, '', args.join(' '));
      t.is(result.status, status);
      return JSON.parse(result.stdout) as T;
    },
    async fails(status, ...args) {
      const result = await cli.run(...args, '--json');
      t.is(result.stdout, '', args.join(' '));
      t.is(result.status, status, result.stderr);
      const { error } = JSON.parse(result.stderr) as { error: Record<string, unknown> };
      t.is(error.exit, status);
      return error;
    },
  };
}
