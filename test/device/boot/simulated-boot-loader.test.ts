import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { simulatedBootLoader } from '../../../src/device/boot/simulated-boot-loader.ts';
import { testBootLoader } from '../../support/boot-loader-contract.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const slots = ['A', 'B'];

testBootLoader(test, 'simulated', async (t) => {
  const path = join(await temporaryDirectory(t), 'boot.json');
  const open = () => simulatedBootLoader({ path, slots });
  return { open, boot: () => open().boot() };
});

test('the state is JSON that a person can read', async (t) => {
  const path = join(await temporaryDirectory(t), 'boot.json');
  await simulatedBootLoader({ path, slots }).activate('B', 2);
  t.deepEqual(JSON.parse(await readFile(path, 'utf8')), {
    format: 'silt-simulated-boot',
    formatVersion: 1,
    slots: [
      { name: 'B', triesLeft: 2 },
      { name: 'A', triesLeft: null },
    ],
    booted: 'A',
    boots: 0,
  });
});

test('before its first start the first slot runs; every start has an id of its own', async (t) => {
  const path = join(await temporaryDirectory(t), 'boot.json');
  const open = () => simulatedBootLoader({ path, slots });
  t.is(await open().booted(), 'A');
  const first = await open().bootId();
  await open().activate('B', 1);
  t.deepEqual([await open().booted(), await open().bootId()], ['A', first]);
  await open().boot();
  const second = await open().bootId();
  t.is(await open().booted(), 'B');
  await open().boot();
  t.is(await open().booted(), 'A');
  t.is(new Set([first, second, await open().bootId()]).size, 3);
});

test('when no slot was started none runs', async (t) => {
  const path = join(await temporaryDirectory(t), 'boot.json');
  const loader = simulatedBootLoader({ path, slots });
  await loader.markBad('A');
  await loader.boot();
  t.is(await loader.booted(), undefined);
});

test('a file from before it was kept what runs is read, and knows nothing of that', async (t) => {
  const path = join(await temporaryDirectory(t), 'boot.json');
  const all = slots.map((name) => ({ name, triesLeft: null }));
  await writeFile(path, JSON.stringify({ format: 'silt-simulated-boot', formatVersion: 1, slots: all }));
  const loader = simulatedBootLoader({ path, slots });
  t.is(await loader.booted(), undefined);
  const id = await loader.bootId();
  t.is(await loader.boot(), 'A');
  t.is(await loader.booted(), 'A');
  t.not(await loader.bootId(), id);
});

test('reading writes nothing', async (t) => {
  const path = join(await temporaryDirectory(t), 'boot.json');
  t.is((await simulatedBootLoader({ path, slots }).read()).primary, 'A');
  await t.throwsAsync(readFile(path), { code: 'ENOENT' });
});

test('when no slot is left none is started', async (t) => {
  const path = join(await temporaryDirectory(t), 'boot.json');
  const loader = simulatedBootLoader({ path, slots });
  await loader.markBad('A');
  t.is(await loader.boot(), undefined);
  t.is((await loader.read()).primary, undefined);
});

test('a start is counted before the slot is told, and in the file', async (t) => {
  const path = join(await temporaryDirectory(t), 'boot.json');
  await simulatedBootLoader({ path, slots }).activate('B', 3);
  t.is(await simulatedBootLoader({ path, slots }).boot(), 'B');
  const [first] = (await simulatedBootLoader({ path, slots }).read()).order;
  t.deepEqual(first, { name: 'B', triesLeft: 2, bootable: true });
});

test('a state that makes no sense is refused with what to do', async (t) => {
  const path = join(await temporaryDirectory(t), 'boot.json');
  const state = { format: 'silt-simulated-boot', formatVersion: 1 };
  const good = { name: 'A', triesLeft: null };
  for (const content of [
    '',
    '{',
    'null',
    JSON.stringify(state),
    JSON.stringify({ ...state, slots: [good] }),
    JSON.stringify({ ...state, slots: [good, { ...good, name: 'B' }], booted: 'C' }),
    JSON.stringify({ ...state, slots: [good, { ...good, name: 'B' }], boots: -1 }),
    JSON.stringify({ ...state, slots: [good, good] }),
    JSON.stringify({ ...state, slots: [good, { name: 'C', triesLeft: 1 }] }),
    JSON.stringify({ ...state, slots: [good, { name: 'B', triesLeft: -1 }] }),
    JSON.stringify({ ...state, slots: [good, { name: 'B', triesLeft: 1e9 }] }),
    JSON.stringify({ ...state, formatVersion: 2, slots: [] }),
    ' '.repeat(100_000),
  ]) {
    await writeFile(path, content);
    const error = await throwsSilt(
      t,
      () => simulatedBootLoader({ path, slots }).read(),
      'BOOT_STATE_INVALID',
    );
    t.regex(error.message, /remove the file/);
  }
});

test('names that cannot be slots are refused', (t) => {
  for (const wrong of [[], ['A', 'A'], ['A', 'a'], ['-A'], ['A B'], [''], ['../A'], ['x'.repeat(33)]]) {
    t.throws(() => simulatedBootLoader({ path: '/nowhere', slots: wrong }), { code: 'CONFIG_INVALID' });
  }
});
