/**
 * A real S3 server for tests: versitygw over a temporary directory, on a free port of the loopback interface.
 * `scripts/provision-versitygw.sh` installs it.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_CREDENTIALS } from './aws-environment.ts';
import { freePort, isListening } from './loopback-port.ts';

export interface S3Server {
  readonly endpoint: string;
  /** What it stores: a directory for each bucket, a file for each object. */
  readonly data: string;
  /** Makes an empty bucket. */
  makeBucket(name: string): Promise<void>;
  close(): Promise<void>;
}

/** The program: SILT_VERSITYGW, or where the script puts it; `undefined` when there is none. */
export function findVersitygw(env: NodeJS.ProcessEnv): string | undefined {
  const tools = env.SILT_TOOLS ?? join(homedir(), '.cache', 'silt-tools');
  const path = env.SILT_VERSITYGW ?? join(tools, 'versitygw');
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}

/** Starts `program`, with the credentials of `aws-environment.ts`; the server and its data are gone after `close`. */
export async function startS3Server(program: string): Promise<S3Server> {
  const root = await mkdtemp(join(tmpdir(), 'silt-s3-'));
  const data = join(root, 'data');
  const sidecar = join(root, 'sidecar');
  await mkdir(data);
  await mkdir(sidecar);
  const { server, port } = await launch(program, data, sidecar);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    data,
    // To this server a bucket is a directory.
    makeBucket: (name) => mkdir(join(data, name)),
    async close() {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** It cannot tell which port it got for 0, so a free one is looked for; another may be faster, hence the tries. */
async function launch(
  program: string,
  data: string,
  sidecar: string,
): Promise<{ server: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const listen = ['--quiet', '--port', `127.0.0.1:${port}`];
    // Attributes in files of their own: not every temporary directory has extended attributes.
    const server = spawn(program, [...listen, 'posix', '--sidecar', sidecar, data], {
      stdio: 'ignore',
      env: {
        ROOT_ACCESS_KEY: TEST_CREDENTIALS.accessKeyId,
        ROOT_SECRET_KEY: TEST_CREDENTIALS.secretAccessKey,
        PATH: process.env.PATH,
      },
    });
    if (await isListening(server, port)) return { server, port };
    if (attempt === 3) throw new Error(`${program} does not start`);
  }
}
