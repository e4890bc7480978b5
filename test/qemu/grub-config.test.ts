import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { findProgram } from '../../src/compare/find-program.ts';

const path = (name: string): string =>
  fileURLToPath(new URL(`../../packaging/grub/${name}`, import.meta.url));
const isMissing = findProgram('grub-script-check', process.env) === undefined;
const grubTest = isMissing && process.env.CI !== 'true' ? test.skip : test;

for (const name of ['grub.cfg', 'slots.cfg']) {
  grubTest(`GRUB can read ${name}`, async (t) => {
    const { stdout, stderr } = await promisify(execFile)('grub-script-check', [path(name)]);
    t.is(stdout + stderr, '');
  });
}

test('grub.cfg uses what slots.cfg sets, and nothing else that it does not set itself', async (t) => {
  const [script, settings] = await Promise.all([
    readFile(path('grub.cfg'), 'utf8'),
    readFile(path('slots.cfg'), 'utf8'),
  ]);
  const names = (text: string, pattern: RegExp): Set<string> =>
    new Set([...text.matchAll(pattern)].map(([, name]) => `${name}`));
  const set = names(`${settings}\n${script}`, /\bset (?:--\S+ )?(?:[0-9]:)?([a-z_]+)=/g);
  const used = names(script, /(?<!\\)\$\{?([a-z_]+)/g);
  const byLoops = ['slot', 'name'];
  // GRUB sets these before it reads its configuration, and regexp sets the disk.
  const byGrub = ['prefix', 'root', 'disk'];
  t.deepEqual(
    [...used].filter((name) => ![...set, ...byLoops, ...byGrub].includes(name)),
    [],
  );
  for (const name of names(settings, /^set ([a-z]+)=/gm)) t.true(used.has(name), name);
  for (const name of ['A_partition', 'A_device', 'B_partition', 'B_device'])
    t.regex(settings, new RegExp(`^set ${name}=`, 'm'));
});
