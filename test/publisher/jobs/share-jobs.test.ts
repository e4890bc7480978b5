import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import { GiB } from '../../../src/core/sizes.ts';
import { newDeltaJob } from '../../../src/format/delta-job.ts';
import { patienceFor } from '../../../src/publisher/jobs/job-attempt.ts';
import type { JobQueue, JobState } from '../../../src/publisher/jobs/job-queue.ts';
import { type SharedJob, type ShareOptions, shareJobs } from '../../../src/publisher/jobs/share-jobs.ts';

const image = {
  size: 1,
  sha256: 'a'.repeat(64),
  index: { sha256: 'b'.repeat(64), size: 1, head: { sha256: 'c'.repeat(64), size: 1 } },
};
const job = newDeltaJob({ silt: '1', base: image, target: image, entropy: 'model' });

/** A queue in memory. `turn` is called whenever the publisher waits. */
class ScriptedQueue implements JobQueue {
  readonly states = new Map<string, JobState>();
  /** Jobs that a worker is at. */
  readonly held = new Set<string>();
  connected = 0;
  down = false;
  closed = false;

  async offer(jobs: readonly { readonly id: string }[]): Promise<void> {
    this.#requireUp();
    for (const { id } of jobs) if (!this.states.has(id)) this.states.set(id, { kind: 'open' });
  }

  async state(id: string): Promise<JobState> {
    this.#requireUp();
    return this.states.get(id) ?? { kind: 'gone' };
  }

  async claim(id: string): Promise<boolean> {
    this.#requireUp();
    if (this.held.has(id)) return false;
    this.states.delete(id);
    return true;
  }

  async workers(): Promise<number> {
    this.#requireUp();
    return this.connected;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #requireUp(): void {
    if (this.down) throw new Error('connection refused');
  }
}

/** Shares the jobs a, b, c; what each of them came to, and who did what. */
async function share(
  queue: ScriptedQueue,
  options: Partial<ShareOptions> & { readonly onMake?: (id: string) => void } = {},
) {
  const made: string[] = [];
  const notes: string[] = [];
  const jobs = ['a', 'b', 'c'].map((id): SharedJob<string> => {
    const make = async (how: string): Promise<string> => {
      made.push(`${how} ${id}`);
      options.onMake?.(id);
      return `${id} here`;
    };
    return {
      id,
      job,
      check: async (result) => {
        if (result instanceof Error) throw result;
        return `${id} ${String(result)}`;
      },
      make: () => make('make'),
      makeAgain: () => make('again'),
    };
  });
  const shared = await shareJobs(queue, jobs, {
    leave: false,
    pollMs: 1,
    signal: undefined,
    onNote: (line) => notes.push(line),
    onProgress: () => {},
    sleep: async () => {
      throw new Error('nobody was to wait');
    },
    ...options,
  });
  return { ...shared, made, notes };
}

test('without workers this machine does all jobs, from the end of the queue', async (t) => {
  const { results, made, notes, ...counts } = await share(new ScriptedQueue());
  t.deepEqual(results, ['a here', 'b here', 'c here']);
  t.deepEqual(made, ['make c', 'make b', 'make a']);
  t.deepEqual(notes, []);
  t.deepEqual(counts, { here: 3, elsewhere: 0, refused: 0 });
});

test('what a worker is at is waited for, and its answer taken', async (t) => {
  const queue = new ScriptedQueue();
  queue.held.add('b');
  const sleep = async (): Promise<void> => {
    queue.held.delete('b');
    queue.states.set('b', { kind: 'done', result: 'there' });
  };
  const { results, made, ...counts } = await share(queue, { sleep });
  t.deepEqual(results, ['a here', 'b there', 'c here']);
  t.deepEqual(made, ['make c', 'make a']);
  t.like(counts, { here: 2, elsewhere: 1, refused: 0 });
});

test('a worker that is not heard of any more loses its job to this machine', async (t) => {
  const queue = new ScriptedQueue();
  queue.held.add('a');
  const { results, made } = await share(queue, { sleep: async () => void queue.held.delete('a') });
  t.deepEqual(made, ['make c', 'make b', 'make a']);
  t.is(results[0], 'a here');
});

test('results of an earlier run are taken before anything is done', async (t) => {
  const queue = new ScriptedQueue();
  for (const id of ['a', 'b', 'c']) queue.states.set(id, { kind: 'done', result: 'before' });
  const { results, made } = await share(queue);
  t.deepEqual([results, made], [['a before', 'b before', 'c before'], []]);
});

for (const code of ['FORMAT_INVALID', 'DIGEST_MISMATCH', 'OBJECT_MISSING', 'SEAL_BROKEN'] as const) {
  test(`an answer that is refused with ${code} is made again here, and taken out of the queue`, async (t) => {
    const queue = new ScriptedQueue();
    queue.states.set('b', { kind: 'done', result: new SiltError(code, 'it is not that') });
    const { results, made, notes, refused } = await share(queue);
    t.deepEqual(results, ['a here', 'b here', 'c here']);
    t.deepEqual(made, ['again b', 'make c', 'make a']);
    t.is(refused, 1);
    t.regex(notes.join(), /refused.*it is not that/);
    t.false(queue.states.has('b'));
  });
}

test('a repository that cannot be read is an error, and no reason to refuse an answer', async (t) => {
  const queue = new ScriptedQueue();
  queue.states.set('b', { kind: 'done', result: new SiltError('NETWORK', 'reset') });
  await t.throwsAsync(share(queue), { message: 'reset' });
});

test('a job that failed and one that is gone are done here', async (t) => {
  const queue = new ScriptedQueue();
  queue.states.set('a', { kind: 'failed', reason: 'no space' });
  queue.held.add('b');
  const sleep = async (): Promise<void> => void queue.states.delete('b');
  const { made, notes } = await share(queue, { sleep });
  t.deepEqual(made, ['make a', 'make c', 'make b']);
  t.is(notes.length, 1);
  t.regex(notes[0]!, /no space/);
});

test('a queue that is not there is said once, and all is done here in order', async (t) => {
  const queue = new ScriptedQueue();
  queue.down = true;
  const { made, notes, here } = await share(queue);
  t.deepEqual(made, ['make a', 'make b', 'make c']);
  t.is(here, 3);
  t.is(notes.length, 1);
  t.regex(notes[0]!, /queue of jobs cannot be used.*: connection refused$/);
});

test('a queue that is lost in the middle leaves the rest to this machine, what workers are at too', async (t) => {
  const queue = new ScriptedQueue();
  queue.held.add('a');
  const { made, notes } = await share(queue, {
    onMake: () => {
      queue.down = true;
    },
  });
  t.deepEqual(made, ['make c', 'make a', 'make b']);
  t.is(notes.length, 1);
});

test('jobs are left to workers as long as there is one', async (t) => {
  const queue = new ScriptedQueue();
  queue.connected = 1;
  let turns = 0;
  const sleep = async (): Promise<void> => {
    turns += 1;
    if (turns === 1) queue.states.set('a', { kind: 'done', result: 'there' });
    if (turns === 3) queue.connected = 0;
  };
  const { made, results } = await share(queue, { leave: true, sleep });
  t.deepEqual(made, ['make c', 'make b']);
  t.is(results[0], 'a there');
  t.is(turns, 3);
});

test('a signal ends the wait for workers', async (t) => {
  const queue = new ScriptedQueue();
  for (const id of ['a', 'b', 'c']) queue.held.add(id);
  const abort = new AbortController();
  const sleep = async (): Promise<void> => abort.abort(new Error('stopped'));
  await t.throwsAsync(share(queue, { sleep, signal: abort.signal }), { message: 'stopped' });
});

test('a job that stands still at a worker is done here, and what the worker answers later is left', async (t) => {
  const queue = new ScriptedQueue();
  queue.held.add('b');
  queue.states.set('b', { kind: 'open', mark: '1 7' });
  let now = 0;
  const sleep = async (): Promise<void> => {
    now += 60;
  };
  const { made, results, notes, ...counts } = await share(queue, {
    sleep,
    elapsed: () => now,
    patienceMs: 100,
  });
  t.deepEqual(made, ['make c', 'make a', 'make b']);
  t.is(results[1], 'b here');
  t.deepEqual(notes, ['a worker stands still over a delta, this machine makes it']);
  t.like(counts, { here: 3, refused: 1 });
  t.is(now, 120);
});

test('a job that moves is waited for, however long it takes', async (t) => {
  const queue = new ScriptedQueue();
  queue.held.add('b');
  queue.states.set('b', { kind: 'open', mark: '1 0' });
  let now = 0;
  const sleep = async (): Promise<void> => {
    now += 60;
    // Of two looks one finds nothing new; at last another try begins.
    const mark = now < 1200 ? `1 ${Math.floor(now / 120)}` : '2 0';
    queue.states.set('b', now < 1300 ? { kind: 'open', mark } : { kind: 'done', result: 'there' });
  };
  const { made, results, notes } = await share(queue, { sleep, elapsed: () => now, patienceMs: 100 });
  t.deepEqual(made, ['make c', 'make a']);
  t.is(results[1], 'b there');
  t.deepEqual(notes, []);
});

test('by default a worker may stand still for half an hour, and longer over large images', async (t) => {
  t.is(patienceFor({ base: { size: 0 }, target: { size: 0 } } as never), 15 * 60_000);
  t.is(patienceFor({ base: { size: 4 * GiB }, target: { size: 4 * GiB } } as never), 31 * 60_000);
  const queue = new ScriptedQueue();
  queue.held.add('b');
  queue.states.set('b', { kind: 'open', mark: '1 0' });
  let now = 0;
  const sleep = async (): Promise<void> => {
    now += 60_000;
  };
  await share(queue, { sleep, elapsed: () => now });
  t.is(now, 30 * 60_000);
});

test('jobs are not left to workers that take none', async (t) => {
  const queue = new ScriptedQueue();
  queue.connected = 1;
  let now = 0;
  const sleep = async (): Promise<void> => {
    now += 60;
    if (now === 60) queue.states.set('a', { kind: 'done', result: 'there' });
  };
  const options = { leave: true, sleep, elapsed: () => now, patienceMs: 100 };
  const { made, notes } = await share(queue, options);
  t.deepEqual(made, ['make c', 'make b']);
  t.is(now, 180);
  t.deepEqual(notes, ['workers are connected and take no jobs, this machine makes the deltas that are left']);
});
