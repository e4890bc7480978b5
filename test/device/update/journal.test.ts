/**
 * The journal in two copies: what is read back, of what is torn, altered, lost, or larger than it can be.
 *
 * `SILT_WRITE_VECTORS=1` writes the golden file where it is missing; it never replaces it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import { sha256Hex } from '../../../src/core/digest.ts';
import { type DeviceState, FIRST_STATE, PHASES } from '../../../src/device/update/device-state.ts';
import { openJournal } from '../../../src/device/update/journal.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const folder = fileURLToPath(new URL('../../vectors/device-state-1/', import.meta.url));
const COPIES = ['journal.a', 'journal.b'] as const;
const digest = 'ab'.repeat(32);
const failure = { code: 'HOOK_FAILED', message: 'the modem does not answer: »–«', phase: 'health' } as const;

/** With every member that there is. */
const full: DeviceState = {
  ...FIRST_STATE,
  installed: {
    version: '1.0',
    counter: 1,
    at: 1000,
    slot: 'A',
    components: { rootfs: { version: '1.0', size: 100, sha256: digest } },
  },
  previous: { version: '0.9', counter: 0, slot: 'B' },
  update: {
    id: '11111111-2222-4333-8444-555555555555',
    kind: 'update',
    release: { version: '2.0', counter: 2, manifest: digest },
    phase: 'activate',
    startedAt: 2000,
    pinned: true,
    parts: [
      {
        component: 'rootfs',
        image: 'image',
        size: 100,
        sha256: digest,
        output: '/dev/mmcblk0p3',
        same: false,
      },
    ],
    boot: { from: 'A', target: 'B' },
    bootId: 'a boot',
    reboots: 1,
    steps: 8,
    committing: true,
    rollBacks: 1,
    verdict: 'good',
    failure: { ...failure, component: 'rootfs' },
  },
  blocked: [{ version: '1.5', counter: 1, code: 'HOOK_FAILED', at: 1500 }],
  retry: { counter: 2, failures: 2, installs: 1, notBefore: 3000, code: 'NETWORK', message: 'no line' },
  lastCheck: { at: 2000, repository: '/srv/repository', version: '2.0', counter: 2 },
  lastUpdate: {
    id: '11111111-2222-4333-8444-666666666666',
    version: '1.5',
    counter: 1,
    outcome: 'rolledBack',
    at: 1500,
    target: 'B',
    failure,
  },
  damaged: ['motor'],
};

/** States in `directory`, the last of `count` generations. */
async function written(directory: string, count: number): Promise<void> {
  const journal = openJournal(directory);
  for (let value = 1; value <= count; value++) {
    await journal.write({ ...(await journal.read()), damaged: [`c${value}`] });
  }
}

const markOf = (state: DeviceState): string | undefined => state.damaged?.[0];

test('what was written is read again, by whoever opens it', async (t) => {
  const directory = join(await temporaryDirectory(t), 'a', 'b');

  t.deepEqual(await openJournal(directory).read(), FIRST_STATE);
  t.false(existsSync(directory));
  const kept = await openJournal(directory).write(full);

  t.deepEqual(kept, { ...full, generation: 1 });
  t.deepEqual(await openJournal(directory).read(), kept);
});

test('the golden journal is read, and written in the same bytes', async (t) => {
  const path = join(folder, 'journal');
  const directory = await temporaryDirectory(t);
  await openJournal(directory).write(full);
  const made = readFileSync(join(directory, 'journal.a'));
  if (!existsSync(path) && process.env.SILT_WRITE_VECTORS === '1') {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, made);
  }
  const golden = readFileSync(path);
  const other = await temporaryDirectory(t);
  writeFileSync(join(other, 'journal.b'), golden);

  t.deepEqual(await openJournal(other).read(), { ...full, generation: 1 });
  t.deepEqual(made, golden);
});

test('any state comes back as it was', async (t) => {
  const directory = await temporaryDirectory(t);
  const journal = openJournal(directory);
  const count = fc.nat();
  const states = fc.record({
    message: fc.string({ maxLength: 1000, unit: 'binary' }),
    phase: fc.constantFrom(...PHASES),
    reboots: count,
    steps: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    parts: fc.array(fc.record({ size: count, same: fc.boolean() }), { maxLength: 64 }),
    blocked: fc.array(fc.record({ counter: count, at: count, code: fc.string({ maxLength: 2000 }) }), {
      maxLength: 16,
    }),
  });
  let generation = 0;
  await fc.assert(
    fc.asyncProperty(states, async ({ message, phase, reboots, steps, parts, blocked }) => {
      const { update } = full;
      if (update === undefined) throw new Error('the sample has an update');
      const state: DeviceState = {
        ...full,
        blocked: blocked.map((each) => ({ version: '1', ...each })),
        update: {
          ...update,
          phase,
          reboots,
          steps,
          failure: { code: 'X', message, phase },
          parts: parts.map((part) => ({ component: 'c', image: 'i', sha256: digest, ...part })),
        },
      };
      const kept = await journal.write(state);
      generation += 1;
      t.deepEqual(await openJournal(directory).read(), { ...state, generation });
      t.is(kept.generation, generation);
    }),
    { numRuns: 60, seed: 20_261_122 },
  );
});

test('two copies are kept, and each write replaces the older one', async (t) => {
  const directory = await temporaryDirectory(t);
  await written(directory, 7);

  t.deepEqual(readdirSync(directory).toSorted(), [...COPIES]);
  rmSync(join(directory, 'journal.a'));
  t.is(markOf(await openJournal(directory).read()), 'c6');
});

test('a copy that is cut short at any place costs one transition at most', async (t) => {
  const directory = await temporaryDirectory(t);
  await written(directory, 5);
  const journal = openJournal(directory);
  for (const name of COPIES) {
    const path = join(directory, name);
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(path, whole.subarray(0, length));
      t.is(markOf(await journal.read()), name === 'journal.a' ? 'c4' : 'c5', `${name} of ${length} bytes`);
    }
    writeFileSync(path, whole);
  }
});

test('a copy with any byte altered is not believed', async (t) => {
  const directory = await temporaryDirectory(t);
  await written(directory, 2);
  const journal = openJournal(directory);
  const path = join(directory, 'journal.b');
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at += 3) {
    const altered = Buffer.from(whole);
    altered[at] = (altered[at] ?? 0) ^ (1 << (at % 8));
    writeFileSync(path, altered);
    t.is(markOf(await journal.read()), 'c1', `byte ${at}`);
  }
});

test('after a copy was damaged the next write mends it, and the generation never goes down', async (t) => {
  const directory = await temporaryDirectory(t);
  await written(directory, 5);
  writeFileSync(join(directory, 'journal.a'), 'torn');
  const journal = openJournal(directory);
  t.is((await journal.read()).generation, 4);

  const kept = await journal.write({ ...full, generation: 5 });

  t.is(kept.generation, 6);
  t.is((await journal.read()).generation, 6);
  rmSync(join(directory, 'journal.a'));
  t.is((await journal.read()).generation, 4);
});

test('a state of long ago does not undo what was written since', async (t) => {
  const directory = await temporaryDirectory(t);
  await written(directory, 5);
  const journal = openJournal(directory);

  const kept = await journal.write({ ...FIRST_STATE, generation: 0 });

  t.is(kept.generation, 6);
  t.deepEqual(await journal.read(), kept);
});

test('where both copies are damaged, nothing is guessed', async (t) => {
  const directory = await temporaryDirectory(t);
  await written(directory, 2);
  for (const name of COPIES) writeFileSync(join(directory, name), 'torn');

  const error = await throwsSilt(t, () => openJournal(directory).read(), 'JOURNAL_DAMAGED');

  t.regex(error.message, /journal\.a and journal\.b/);
});

test('where one copy is damaged and the other one was never there, nothing is guessed either', async (t) => {
  const directory = await temporaryDirectory(t);
  writeFileSync(join(directory, 'journal.b'), '');

  await throwsSilt(t, () => openJournal(directory).read(), 'JOURNAL_DAMAGED');
});

test('a copy larger than any can be is not read', async (t) => {
  const directory = await temporaryDirectory(t);
  await written(directory, 2);
  writeFileSync(join(directory, 'journal.b'), Buffer.alloc(300 * 1024, 0x20));

  t.is(markOf(await openJournal(directory).read()), 'c1');
});

test('a whole copy of another format or version is none of these', async (t) => {
  const directory = await temporaryDirectory(t);
  await written(directory, 1);
  for (const change of [{ formatVersion: 2 }, { format: 'other' }, { blocked: 'none' }, { generation: -1 }]) {
    const text = JSON.stringify({ ...FIRST_STATE, generation: 9, ...change });
    writeFileSync(join(directory, 'journal.b'), `${sha256Hex(Buffer.from(text))}\n${text}\n`);

    t.is(markOf(await openJournal(directory).read()), 'c1', text);
  }
});

test('a state that could not be read again is not written', async (t) => {
  const directory = await temporaryDirectory(t);
  await written(directory, 3);
  const journal = openJournal(directory);
  const blocked = Array.from({ length: 17 }, () => ({ version: '1', counter: 1, code: 'X', at: 0 }));

  await throwsSilt(t, () => journal.write({ ...full, blocked }), 'INTERNAL');

  t.is(markOf(await journal.read()), 'c3');
  t.deepEqual(readdirSync(directory).toSorted(), [...COPIES]);
});
