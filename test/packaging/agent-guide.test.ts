/** The guide to the agent says what is so. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { hookEnvironment } from '../../src/device/hooks/hook-environment.ts';
import { analyzeUnits, systemdTest, systemWithUnits } from '../support/systemd-units.ts';

const guide = readFileSync(new URL('../../docs/guides/agent.md', import.meta.url), 'utf8');

/** Rows of the table that follows the heading, as cells. */
function tableUnder(heading: string): string[][] {
  const section = guide.slice(guide.indexOf(`\n## ${heading}`) + 1).split(/\n##+ /, 1)[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(1).map((row) =>
    row
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

const codesIn = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

test('the variables of a hook are those of the guide', (t) => {
  const facts = {
    phase: 'failed',
    update: '6b7e7f0a-0000-4000-8000-000000000001',
    version: '1',
    counter: 1,
    target: 'B',
    code: 'NO_SPACE',
    message: 'full',
  };
  const given = Object.keys(hookEnvironment('failure', facts, { deviceId: 'gw-1', product: 'gateway' }));
  const told = tableUnder('Hooks').flatMap(([variables]) => codesIn(variables));
  t.deepEqual(told.toSorted(), given.toSorted());
});

systemdTest('the drop-ins of the guide are right, and open what they are to open', async (t) => {
  const { root, units } = await systemWithUnits(t);
  const settings = tableUnder('What the units close')
    .flatMap(([, , opened]) => codesIn(opened))
    .filter((code) => /^[A-Z]\w+=/.test(code));
  t.true(settings.length >= 10);
  const exposed = async (): Promise<string> =>
    (await analyzeUnits('security', '--offline=yes', `--root=${root}`, 'silt-agent.service')).output;
  const closed =
    /^✓ (CapabilityBoundingSet=~CAP_SYS_ADMIN|SystemCallFilter=~@mount|RestrictNamespaces=~mnt|RestrictSUIDSGID=|ProtectKernelTunables=|ProtectHome=|PrivateTmp=|RestrictAddressFamilies=~…) /gm;
  t.is((await exposed()).match(closed)?.length, 8);
  writeFileSync(join(units, 'silt-.service.d', 'zz-device.conf'), `[Service]\n${settings.join('\n')}\n`);
  const args = ['verify', `--root=${root}`, '--man=no', '--recursive-errors=no', 'silt-agent.service'];
  t.deepEqual(await analyzeUnits(...args), { status: 0, output: '' });
  t.deepEqual((await exposed()).match(closed), null);
});
