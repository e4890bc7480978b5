import test from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import { type RuleRequest, requireSameRules, resolveRules } from '../../src/publisher/release-rules.ts';
import { sampleManifest as manifest } from '../support/format-samples.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const releases = {
  async find(product: string, selector: object) {
    if ('version' in selector && selector.version === '1') return { ...manifest, product, counter: 7 };
    throw new SiltError('RELEASE_NOT_FOUND', 'there is no such release');
  },
};
const release = { product: 'gateway', version: '2' };

test('releases that rules speak of are named by their counters', async (t) => {
  const resolve = (rules: RuleRequest) => resolveRules(releases, release, rules);
  t.deepEqual(await resolve({}), {});
  t.deepEqual(await resolve({ requires: {}, allowDowngradeFrom: [] }), {});
  const hardware = [{ name: 'gw2' }];
  t.deepEqual(await resolve({ hardware, requires: { version: '1', silt: '1.2.3' } }), {
    hardware,
    requires: { counter: 7, silt: '1.2.3' },
  });
  t.deepEqual(await resolve({ requires: { silt: '0.1.0' } }), { requires: { silt: '0.1.0' } });
  t.deepEqual(await resolve({ allowDowngradeFrom: ['1', '1'] }), { allowDowngradeFrom: [7] });
});

test('rules that make no sense are refused', async (t) => {
  const resolve = (rules: RuleRequest) => () => resolveRules(releases, release, rules);
  await throwsSilt(t, resolve({ requires: { version: '9' } }), 'RELEASE_NOT_FOUND');
  await throwsSilt(t, resolve({ allowDowngradeFrom: ['9'] }), 'RELEASE_NOT_FOUND');
  await throwsSilt(t, resolve({ requires: { version: '2' } }), 'USAGE');
  await throwsSilt(t, resolve({ allowDowngradeFrom: ['2'] }), 'USAGE');
  for (const silt of ['', '1', '1.2', 'v1.2.3', '1.2.3-rc1']) {
    await throwsSilt(t, resolve({ requires: { silt } }), 'USAGE');
  }
});

test('the rules of a release do not change when it is published again', async (t) => {
  const hardware = [{ name: 'gw2', variants: ['eu'] }];
  const existing = { ...manifest, hardware, requires: { counter: 7 } };
  t.notThrows(() => requireSameRules(existing, { hardware, requires: { counter: 7 } }));
  for (const rules of [{}, { hardware }, { hardware: [{ name: 'gw2' }], requires: { counter: 7 } }]) {
    await throwsSilt(t, async () => requireSameRules(existing, rules), 'RELEASE_EXISTS');
  }
});
