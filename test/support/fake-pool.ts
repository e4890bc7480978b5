/**
 * A pool whose frames are done when, and in the order that, the test says.
 *
 * @module
 */
import { tagOf } from '../../src/format/frame.ts';
import type { WorkerPool } from '../../src/pool/pool.ts';
import type { BuiltFrame, FrameTask } from '../../src/pool/tasks.ts';

export interface FakePool {
  readonly pool: WorkerPool;
  /** Frames that were asked for, in order. */
  readonly tasks: readonly FrameTask[];
  /** Finishes the frame asked for as number `index`: its stored bytes tell its offsets and its lengths. */
  finish(index: number): void;
  fail(index: number, error: Error): void;
}

/** The bytes that {@link FakePool} stores for a frame: as many as it has, so that they are told apart. */
export function storedBytes(task: FrameTask): Uint8Array {
  const plain = task.lengths.reduce((sum, length) => sum + length, 0);
  const stored = Buffer.alloc(plain, `${task.path}:${task.offsets.join()}:${task.lengths.join()};`);
  return new Uint8Array(stored);
}

/** A pool of `workers` that only makes frames. */
export function fakePool(workers = 2): FakePool {
  const tasks: FrameTask[] = [];
  const results: PromiseWithResolvers<BuiltFrame>[] = [];
  const unused = async (): Promise<never> => {
    throw new Error('only frames are made here');
  };
  return {
    tasks,
    finish(index) {
      const stored = storedBytes(tasks[index] as FrameTask);
      const tag = new Uint8Array(tagOf(stored));
      results[index]?.resolve({ stored, plain: stored.length, codec: 0, tag });
    },
    fail: (index, error) => results[index]?.reject(error),
    pool: {
      workers,
      scan: unused,
      digests: unused,
      match: unused,
      encode: unused,
      repeats: unused,
      frame(task) {
        const result = Promise.withResolvers<BuiltFrame>();
        tasks.push(task);
        results.push(result);
        return result.promise;
      },
      close: async () => {},
      [Symbol.asyncDispose]: async () => {},
    },
  };
}
