/**
 * Starts `publish-child.ts` and hears what it has to say.
 *
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { type PublishAnswer, type PublishTask, publishChild } from './publish-child.ts';

export interface PublishProcess {
  readonly process: ChildProcess;
  /** Waits for its next message. */
  readonly message: () => Promise<unknown>;
  /** What it answered; `undefined` when it was killed. */
  readonly answer: Promise<PublishAnswer | undefined>;
}

/** Starts the process; it is killed when the test ends. */
export function startPublish(t: ExecutionContext<unknown>, task: PublishTask): PublishProcess {
  const child = fork(publishChild, [JSON.stringify(task)], { execArgv: [] });
  t.teardown(() => void child.kill('SIGKILL'));
  let last: unknown;
  child.on('message', (message) => {
    last = message;
  });
  const answer = once(child, 'close').then(([status, signal]: unknown[]) => {
    if (signal === 'SIGKILL') return undefined;
    if (status !== 0) throw new Error(`the publishing process ended with status ${String(status)}`);
    return last as PublishAnswer;
  });
  answer.catch(() => {});
  const message = async (): Promise<unknown> => (await once(child, 'message'))[0];
  return { process: child, message, answer };
}
