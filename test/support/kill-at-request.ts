/**
 * A command that is killed at a request of its own to a real S3 server.
 *
 * @module
 */
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { createCli } from './run-cli.ts';
import { type S3Bucket, s3Environment } from './s3-bucket.ts';
import type { FrontRequest } from './s3-front.ts';

/**
 * Runs the command, and kills it when the request comes up, which the server never gets.
 *
 * @returns false when it ended without such a request
 */
export async function killedAt(
  t: ExecutionContext<unknown>,
  bucket: S3Bucket,
  isIt: (request: FrontRequest) => boolean,
  args: readonly string[],
): Promise<boolean> {
  const killed = Promise.withResolvers<'reset'>();
  let kill = (): void => {};
  const front = await bucket.front({
    refuse(request) {
      if (!isIt(request)) return undefined;
      kill();
      return killed.promise;
    },
  });
  const { start } = await createCli(t, s3Environment(front.endpoint));
  const child = start(...args);
  child.stdout.resume();
  child.stderr.resume();
  kill = () => void child.kill('SIGKILL');
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  killed.resolve('reset');
  return signal === 'SIGKILL';
}
