import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isSiltError } from '../../../src/core/errors.ts';
import { grubBootLoader } from '../../../src/device/boot/grub-boot-loader.ts';
import {
  decodeGrubEnvironment,
  encodeGrubEnvironment,
  grubVariable,
  withGrubVariables,
} from '../../../src/device/boot/grub-environment.ts';
import { testBootLoader } from '../../support/boot-loader-contract.ts';
import { grubBoot } from '../../support/grub-boot-model.ts';
import { grubEditenv, grubEditenvTest } from '../../support/grub-editenv.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const slots = ['A', 'B'];
const delivered = { ORDER: 'A B', A_OK: '1', A_TRY: '0', B_OK: '0', B_TRY: '0' };

async function put(path: string, variables: Readonly<Record<string, string>>): Promise<void> {
  await writeFile(path, encodeGrubEnvironment(withGrubVariables({ lines: ['# a comment'] }, variables)));
}

async function grubenv(t: ExecutionContext<unknown>, variables: Record<string, string> = delivered) {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'grubenv');
  await put(path, variables);
  return { directory, path, loader: grubBootLoader({ path, slots }) };
}

testBootLoader(
  test,
  'GRUB',
  async (t) => {
    const { path } = await grubenv(t);
    return { open: () => grubBootLoader({ path, slots }), boot: () => grubBoot(path) };
  },
  { maxTries: 1, alwaysCounts: true },
);

test('variables and comments of others are kept', async (t) => {
  const { path, loader } = await grubenv(t, { saved_entry: '0', ...delivered, note: 'x\\y\nz' });
  await loader.activate('B', 3);
  await loader.markGood('B');
  await loader.markBad('A');
  const environment = decodeGrubEnvironment(await readFile(path));
  t.is(environment.lines[0], '# a comment');
  t.is(grubVariable(environment, 'saved_entry'), '0');
  t.is(grubVariable(environment, 'note'), 'x\\y\nz');
  t.is(grubVariable(environment, 'ORDER'), 'B A');
  const flags = ['A_OK', 'A_TRY', 'B_OK', 'B_TRY'].map((name) => grubVariable(environment, name));
  t.deepEqual(flags, ['0', '0', '1', '0']);
});

test('slots of others in ORDER keep their places, and are not told of', async (t) => {
  const { path, loader } = await grubenv(t, { ...delivered, ORDER: 'A  rescue B A' });
  t.deepEqual(
    (await loader.read()).order.map(({ name }) => name),
    ['A', 'B'],
  );
  await loader.activate('B', 1);
  t.is(grubVariable(decodeGrubEnvironment(await readFile(path)), 'ORDER'), 'B A rescue');
});

test('a slot that ORDER leaves out is never started, until it is activated', async (t) => {
  const { loader } = await grubenv(t, { ...delivered, ORDER: 'A', B_OK: '1' });
  const [, second] = (await loader.read()).order;
  t.deepEqual(second, { name: 'B', triesLeft: 0, bootable: false });
  await loader.activate('B', 1);
  t.is((await loader.read()).primary, 'B');
});

test('a slot whose variables are missing is not started, as the boot script presets them', async (t) => {
  const { loader } = await grubenv(t, { ORDER: 'A B', B_OK: '1' });
  t.is((await loader.read()).primary, 'B');
});

test('a missing environment is told with what to do', async (t) => {
  const path = join(await temporaryDirectory(t), 'grubenv');
  const loader = grubBootLoader({ path, slots });
  for (const action of [() => loader.read(), () => loader.activate('B', 1), () => loader.markBad('A')]) {
    const error = await throwsSilt(t, action, 'BOOT_STATE_INVALID');
    t.regex(error.message, /found none; create it: grub-editenv .* create/);
  }
});

test('an environment without ORDER is told with what to do', async (t) => {
  const { loader } = await grubenv(t, { A_OK: '1' });
  const error = await throwsSilt(t, () => loader.read(), 'BOOT_STATE_INVALID');
  t.regex(error.message, /ORDER="A B" A_OK=1 A_TRY=0/);
});

test('a flag that is no flag is refused when read, and put right by the next change', async (t) => {
  const { loader } = await grubenv(t, { ...delivered, B_TRY: 'maybe' });
  const error = await throwsSilt(t, () => loader.read(), 'BOOT_STATE_INVALID');
  t.regex(error.message, /expected B_TRY in .* to be 0 or 1, found "maybe"/);
  await loader.activate('B', 1);
  t.is((await loader.read()).primary, 'B');
});

test('an environment cut short at any byte, or torn at a sector, is refused', async (t) => {
  const { path, loader } = await grubenv(t);
  await loader.activate('B', 1);
  const whole = await readFile(path);
  for (let length = 0; length < whole.length; length++) {
    await writeFile(path, whole.subarray(0, length));
    await t.throwsAsync(loader.read(), { code: 'BOOT_STATE_INVALID' }, `cut at ${length}`);
  }
  await writeFile(path, Buffer.concat([whole.subarray(0, 512), Buffer.alloc(512)]));
  await t.throwsAsync(loader.read(), { code: 'BOOT_STATE_INVALID' });
  await writeFile(path, Buffer.concat([Buffer.alloc(512), whole.subarray(512)]));
  await t.throwsAsync(loader.markGood('B'), { code: 'BOOT_STATE_INVALID' });
});

test('a replacement that was cut at any byte leaves the old environment', async (t) => {
  const { directory, path, loader } = await grubenv(t);
  const old = await readFile(path);
  await loader.activate('B', 1);
  const next = await readFile(path);
  await writeFile(path, old);
  for (let length = 0; length <= next.length; length += 64) {
    // What stands beside the file when the power fails before the rename.
    await writeFile(join(directory, '.silt-0123456789abcdef.tmp'), next.subarray(0, length));
    t.is((await loader.read()).primary, 'A');
  }
  await loader.activate('B', 1);
  t.deepEqual(await readFile(path), next);
});

test('new bytes over old ones up to any byte, as by a tool that writes in place, are read or refused', async (t) => {
  const { path, loader } = await grubenv(t);
  const old = await readFile(path);
  await loader.activate('B', 1);
  const next = await readFile(path);
  const seen = new Set<string>();
  for (let length = 0; length <= next.length; length++) {
    await writeFile(path, Buffer.concat([next.subarray(0, length), old.subarray(length)]));
    const found = await loader.read().catch((error: unknown) => {
      if (!isSiltError(error, 'BOOT_STATE_INVALID')) throw error;
      return undefined;
    });
    seen.add(String(found?.primary));
  }
  t.true(seen.has('A') && seen.has('B'));
});

test('the file behind a symbolic link is replaced, not the link', async (t) => {
  const { directory, path } = await grubenv(t);
  await mkdir(join(directory, 'grub'));
  const link = join(directory, 'grub', 'grubenv');
  await symlink('../grubenv', link);
  await grubBootLoader({ path: link, slots }).activate('B', 1);
  t.is((await grubBootLoader({ path, slots }).read()).primary, 'B');
  t.deepEqual(
    (await readdir(join(directory, 'grub'), { withFileTypes: true })).map((one) => one.isSymbolicLink()),
    [true],
  );
});

test('a full environment is refused, and stays as it is', async (t) => {
  const { path, loader } = await grubenv(t, { ORDER: 'A', A_OK: '1', A_TRY: '0' });
  const environment = decodeGrubEnvironment(await readFile(path));
  await writeFile(path, encodeGrubEnvironment(withGrubVariables(environment, { x: 'y'.repeat(948) })));
  const before = await readFile(path);
  const error = await throwsSilt(t, () => loader.activate('B', 1), 'BOOT_FAILED');
  t.regex(error.message, /unset some with grub-editenv/);
  t.deepEqual(await readFile(path), before);
});

test('a directory or a large file in its place is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  await t.throwsAsync(grubBootLoader({ path: directory, slots }).read(), { code: 'IO_FAILED' });
  const path = join(directory, 'large');
  await writeFile(path, Buffer.alloc(100_000));
  await t.throwsAsync(grubBootLoader({ path, slots }).read(), { code: 'BOOT_STATE_INVALID' });
});

test('slots that cannot begin the name of a variable are refused', (t) => {
  for (const slot of ['1', 'A-1', 'A.b', 'A B']) {
    t.throws(() => grubBootLoader({ path: '/nowhere', slots: [slot] }), { code: 'CONFIG_INVALID' });
  }
});

grubEditenvTest('grub-editenv sees what silt does, and silt what grub-editenv does', async (t) => {
  const path = join(await temporaryDirectory(t), 'grubenv');
  await grubEditenv(path, 'create');
  await grubEditenv(path, 'set', 'ORDER=A B', 'A_OK=1', 'A_TRY=0', 'kept=as it was');
  const loader = grubBootLoader({ path, slots });
  await loader.activate('B', 3);
  t.deepEqual((await grubEditenv(path, 'list')).trim().split('\n').sort(), [
    'A_OK=1',
    'A_TRY=0',
    'B_OK=1',
    'B_TRY=0',
    'ORDER=B A',
    'kept=as it was',
  ]);
  await grubEditenv(path, 'set', 'B_TRY=1');
  t.is((await loader.read()).primary, 'A');
  await loader.markGood('A');
  await grubEditenv(path, 'unset', 'kept');
  t.deepEqual((await grubEditenv(path, 'list')).trim().split('\n').sort(), [
    'A_OK=1',
    'A_TRY=0',
    'B_OK=1',
    'B_TRY=1',
    'ORDER=A B',
  ]);
});
