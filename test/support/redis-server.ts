/**
 * A real redis-server, on a socket of its own in a temporary directory: no port, nothing on disk. Tests that need it
 * are skipped by name where it is missing, except with CI=true; `scripts/provision-jobs.sh` installs it.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { findProgram } from '../../src/compare/find-program.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const isMissing = findProgram('redis-server', process.env) === undefined;

/** A test that needs redis-server. */
export const redisTest = isMissing && process.env.CI !== 'true' ? test.skip : test;

export interface RedisServer {
  /** For SILT_JOBS_URL. */
  readonly url: string;
  /** Ends it at once, as a machine that fails does. */
  kill(): Promise<void>;
}

/** Starts it; it is killed when the test ends. */
export async function startRedis(t: ExecutionContext<unknown>): Promise<RedisServer> {
  const directory = await temporaryDirectory(t);
  const socket = join(directory, 'redis.sock');
  const settings = ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', directory];
  const child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(() => void child.kill('SIGKILL'));
  await isReady(child);
  return {
    url: `unix:${socket}`,
    async kill() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function isReady(child: ChildProcess): Promise<void> {
  const lines = createInterface({ input: child.stdout! });
  for await (const line of lines) {
    if (!/ready to accept connections/i.test(line)) continue;
    // Nobody reads on; it must not wait for that.
    child.stdout?.resume();
    return;
  }
  throw new Error('redis-server does not start');
}
