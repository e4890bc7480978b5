import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { analyzeUnits, packagedUnits, systemdTest, systemWithUnits } from '../support/systemd-units.ts';

const SERVICES = ['silt-agent.service', 'silt-resume.service', 'silt-update.service'];
const UNITS = [...SERVICES, 'silt-update.timer'];

/** As systemd 252 measures; root and the network are 1 of it. A higher one means that something was opened. */
const MAX_EXPOSURE = 3.1;

/** Makes `target` want `unit`, as enabling it does. */
function enable(units: string, unit: string, target: string, how: 'wants' | 'requires' = 'wants'): void {
  mkdirSync(join(units, `${target}.${how}`), { recursive: true });
  symlinkSync(join('..', unit), join(units, `${target}.${how}`, unit));
}

test('the units that are tested are those that are there', (t) => {
  t.deepEqual(
    readdirSync(packagedUnits).filter((name) => !name.endsWith('.d')),
    UNITS,
  );
});

test('every unit has the configuration where the command line looks for it', (t) => {
  for (const name of SERVICES) {
    const text = readFileSync(join(packagedUnits, name), 'utf8');
    t.regex(text, /^Environment=SILT_CONFIG=\/etc\/silt\/device\.yaml$/m);
    t.regex(text, /^ConditionPathExists=\/etc\/silt\/device\.yaml$/m);
    t.regex(text, /^ExecStart=\/usr\/bin\/silt agent( --once)?( --resume)?$/m);
  }
});

systemdTest('systemd-analyze finds nothing wrong with the units', async (t) => {
  const { root } = await systemWithUnits(t);
  const verified = await analyzeUnits(
    'verify',
    `--root=${root}`,
    '--man=no',
    '--recursive-errors=no',
    ...UNITS,
  );
  t.deepEqual(verified, { status: 0, output: '' });
});

systemdTest('a mistake in a unit or in what is common to them would be found', async (t) => {
  const { root, units } = await systemWithUnits(t);
  for (const name of ['silt-agent.service', 'silt-.service.d/hardening.conf']) {
    const path = join(units, name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('[Service]', '[Service]\nProtectEverything=yes'));
    const { output } = await analyzeUnits('verify', `--root=${root}`, '--man=no', 'silt-agent.service');
    t.regex(output, /ProtectEverything/, name);
    writeFileSync(path, text);
  }
});

systemdTest('the agent waits for the end of the boot, and the boot not for the agent', async (t) => {
  const { root, units } = await systemWithUnits(t);
  // A check of the boot that waits for all that multi-user.target wants, and so for most of a boot.
  writeFileSync(
    join(units, 'boot-check.service'),
    '[Unit]\nAfter=multi-user.target\nBefore=boot-complete.target\n[Service]\nType=oneshot\nExecStart=/usr/bin/silt\n',
  );
  enable(units, 'boot-check.service', 'boot-complete.target', 'requires');
  for (const name of ['silt-agent.service', 'silt-resume.service']) {
    enable(units, name, 'multi-user.target');
    const args = ['verify', `--root=${root}`, '--man=no', 'multi-user.target', 'boot-complete.target'];
    t.notRegex((await analyzeUnits(...args)).output, /cycle|silt-/, name);
    const path = join(units, name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/^(After=.*)multi-user\.target /m, '$1'));
    t.regex((await analyzeUnits(...args)).output, /cycle/, `${name}: without that order it would`);
    writeFileSync(path, text);
  }
});

systemdTest(`what a service leaves open comes to ${MAX_EXPOSURE} of 10 at most`, async (t) => {
  const { root } = await systemWithUnits(t);
  for (const name of SERVICES) {
    const { output } = await analyzeUnits('security', '--offline=yes', `--root=${root}`, name);
    const [, exposure] = /Overall exposure level for [^:]+: ([\d.]+)/.exec(output) ?? [];
    t.true(Number(exposure) <= MAX_EXPOSURE, `${name}: ${exposure}`);
  }
});
