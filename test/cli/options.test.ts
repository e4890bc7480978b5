import { homedir } from 'node:os';
import test from 'ava';
import { defaultStateDirectory, parseCount, releaseSelector } from '../../src/cli/options.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('state is kept where systemd says, else where XDG says, else in the home directory', (t) => {
  t.is(defaultStateDirectory({ STATE_DIRECTORY: '/var/lib/silt:/b', XDG_STATE_HOME: '/x' }), '/var/lib/silt');
  t.is(defaultStateDirectory({ XDG_STATE_HOME: '/x' }), '/x/silt');
  t.is(defaultStateDirectory({}), `${homedir()}/.local/state/silt`);
});

test('without version and channel the latest release is meant', (t) => {
  t.deepEqual(releaseSelector({}), { latest: true });
  t.deepEqual(releaseSelector({ channel: 'stable' }), { channel: 'stable' });
  t.deepEqual(releaseSelector({ version: '1' }), { version: '1' });
});

test('a count is a whole number within its bounds', async (t) => {
  const parse = parseCount('--port', 0, 65_535);
  t.is(parse('0'), 0);
  t.is(parse('65535'), 65_535);
  for (const text of ['', '-1', '1.5', '65536', '1e3', 'many']) {
    await throwsSilt(t, async () => parse(text), 'USAGE');
  }
});
