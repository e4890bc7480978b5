/**
 * The guide to keys, run as it stands.
 */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { runGuide, scriptOfGuide } from '../support/run-guide.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

function hasOpenssl(): boolean {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }).startsWith('OpenSSL 3');
  } catch {
    return false;
  }
}

test('the guide to keys works as it stands', async (t) => {
  const script = scriptOfGuide('keys.md');
  t.true([...script.matchAll(/^silt /gm)].length > 40);
  if (!hasOpenssl()) {
    t.is(process.env.CI, undefined, 'the guide needs openssl 3');
    t.log('skipped: openssl 3 is not installed');
    return;
  }
  await runGuide(t, script, { 'rootfs.ext4': seededBytes('guide', 200 * KiB) });
});
