import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Peer } from '../../src/compare/peer.ts';
import type { BenchResult } from '../../src/compare/result.ts';
import { type MatrixOptions, runMatrix } from '../../src/compare/run-matrix.ts';
import { openSubject } from '../../src/compare/subject.ts';
import { copyingPeer } from '../support/copying-peer.ts';
import { lan, sampleHeader, sampleLedger } from '../support/sample-ledger.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const OLD_BYTES = 40_000;
const NEW_BYTES = 50_000;

/** A run of `peers` on one small pair; `again` goes on from the result of the one before. */
async function bench(t: ExecutionContext<unknown>, changes: Partial<MatrixOptions> = {}) {
  const home = await temporaryDirectory(t);
  const files = [join(home, 'old'), join(home, 'new')];
  await writeFile(files[0] as string, seededBytes('old', OLD_BYTES));
  await writeFile(files[1] as string, seededBytes('new', NEW_BYTES));
  const subject = await openSubject({ name: 'p', standsFor: 'a pair' }, files);
  const directory = join(home, 'work');
  const steps: string[] = [];
  const run = async (peers: readonly Peer[], before?: BenchResult): Promise<BenchResult> => {
    const { ledger } = sampleLedger(sampleHeader([subject.info], peers), before);
    await runMatrix(
      {
        ...{ subjects: [subject], peers, links: [lan], scenarios: ['update'], rounds: 1, maxSeconds: 60 },
        ...{ directory, env: process.env, signal: new AbortController().signal },
        onStep: (step) => steps.push(step),
        ...changes,
      },
      ledger,
    );
    return ledger.result();
  };
  return { run, steps, directory };
}

test('what is published and fetched is counted', async (t) => {
  const { run, directory } = await bench(t);
  const { publishes, fetches, skipped } = await run([copyingPeer('copy')]);
  t.deepEqual(skipped, []);
  t.deepEqual(
    publishes.map(({ release, storedBytes, objects }) => ({ release, storedBytes, objects })),
    [
      { release: 1, storedBytes: OLD_BYTES, objects: 1 },
      { release: 2, storedBytes: OLD_BYTES + NEW_BYTES, objects: 2 },
    ],
  );
  const [cell, ...more] = fetches;
  t.deepEqual(more, []);
  t.like(cell, {
    pair: 'p',
    tool: 'copy',
    link: 'lan',
    scenario: 'update',
    round: 1,
    requests: 1,
    attempts: 1,
  });
  t.deepEqual(cell?.bytes, { data: NEW_BYTES, index: 0, metadata: 0 });
  t.true((cell?.wireBytes ?? 0) > NEW_BYTES);
  t.true((cell?.wallSeconds ?? 0) > 0 && (cell?.peakMemory ?? 0) > 0);
  t.deepEqual(await readdir(directory), []);
});

test('the tools take turns, round by round', async (t) => {
  const { run, steps } = await bench(t, { rounds: 2 });
  await run([copyingPeer('a'), copyingPeer('b')]);
  t.deepEqual(
    steps.filter((step) => step.includes('round')).map((step) => step.replace(/^p: /, '')),
    [1, 2].flatMap((round) => ['a', 'b'].map((tool) => `${tool}, update over lan, round ${round}`)),
  );
});

test('a run that finds everything measured does nothing', async (t) => {
  const { run, steps } = await bench(t, { rounds: 2 });
  const peers = [copyingPeer('a')];
  const first = await run(peers);
  steps.length = 0;
  t.deepEqual(await run(peers, first), first);
  t.deepEqual(steps, []);
});

test('a tool that fails is written down with its reason, and the others go on', async (t) => {
  const { run } = await bench(t);
  const broken = copyingPeer('broken', { publish: async () => Promise.reject(new Error('out of ink')) });
  const { fetches, skipped } = await run([broken, copyingPeer('copy')]);
  t.deepEqual(skipped, [{ pair: 'p', tool: 'broken', reason: 'publishing: out of ink' }]);
  t.deepEqual(
    fetches.map(({ tool }) => tool),
    ['copy'],
  );
});

test('another image than the published one is a failure, not a figure', async (t) => {
  const { run } = await bench(t);
  const liar = copyingPeer('liar', { fetch: ({ output }) => writeFile(output, 'something else') });
  const { fetches, skipped } = await run([liar]);
  t.deepEqual(fetches, []);
  t.regex(skipped[0]?.reason ?? '', /made another image/);
});

test('what takes too long is given up', async (t) => {
  const { run } = await bench(t, { maxSeconds: 1 });
  const slow = copyingPeer('slow', { fetch: ({ run: start }) => start('sleep', ['600']) });
  const { skipped } = await run([slow]);
  t.deepEqual(skipped, [
    { pair: 'p', tool: 'slow', link: 'lan', scenario: 'update', reason: 'update: not done within 1 s' },
  ]);
});

test('a tool that refuses the sizes is not even started', async (t) => {
  const { run, steps } = await bench(t);
  const small = copyingPeer('small', { refuses: (_, bytes) => `${bytes} bytes are too many` });
  const { skipped, publishes } = await run([small]);
  t.is(skipped[0]?.reason, `${NEW_BYTES} bytes are too many`);
  t.deepEqual(publishes, []);
  t.deepEqual(steps, []);
});

test('a delta cannot install on an empty device', async (t) => {
  const { run } = await bench(t, { scenarios: ['update', 'install'] });
  const { fetches, skipped } = await run([copyingPeer('delta', { family: 'delta' }), copyingPeer('copy')]);
  t.deepEqual(
    fetches.map(({ tool, scenario }) => `${tool} ${scenario}`),
    ['delta update', 'copy update', 'copy install'],
  );
  t.like(skipped[0], { tool: 'delta', scenario: 'install' });
});

test('a line too slow for the bytes is not waited for', async (t) => {
  const slow = { ...lan, name: 'slow', bytesPerSecond: 1000 };
  const { run } = await bench(t, { links: [lan, slow], maxSeconds: 20 });
  const { fetches, skipped } = await run([copyingPeer('copy')]);
  t.is(fetches.length, 1);
  t.like(skipped[0], { link: 'slow', tool: 'copy' });
  t.regex(skipped[0]?.reason ?? '', /its bytes alone need 50 s/);
});

test('an interrupted run ends at once and keeps what it has', async (t) => {
  const interrupt = new AbortController();
  const { run } = await bench(t, { signal: interrupt.signal });
  const reason = new Error('enough');
  const stop = copyingPeer('stop', {
    async fetch({ run: start }) {
      interrupt.abort(reason);
      await start('sleep', ['600']);
    },
  });
  t.is(await t.throwsAsync(run([stop])), reason);
});
