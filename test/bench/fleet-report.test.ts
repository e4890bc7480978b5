import test from 'ava';
import { faultRules } from '../../bench/fleet/fleet-faults.ts';
import {
  countStatuses,
  type DeviceReport,
  hitRate,
  lostIn,
  type PassReport,
  passTables,
} from '../../bench/fleet/fleet-report.ts';
import { replaceSection } from '../../bench/replace-section.ts';
import { unitsOf } from '../../bench/scale/sparse-image.ts';
import { GiB } from '../../src/core/sizes.ts';

const device: DeviceReport = {
  ...{ from: '1', isRight: true, problem: undefined, requests: 10, bytes: 1024, failed: 1, retries: 2 },
  ...{ runs: 2, seconds: 3 },
};
const pass: PassReport = {
  name: 'p',
  devices: [device, { ...device, from: 'none', isRight: false, problem: 'no', runs: 1 }, device],
  atOnce: 2,
  cache: countStatuses('HIT\nMISS\nHIT\n-\nSTALE\n'),
  origin: { requests: 4, bytes: 2048 },
  faults: 5,
  seconds: 9,
};

test('devices are added up, and those that are lost are told', (t) => {
  t.deepEqual(pass.cache, { HIT: 2, MISS: 1, '-': 1, STALE: 1 });
  t.is(hitRate(pass.cache), 0.6);
  t.is(hitRate({}), 0);
  t.is(lostIn(pass).length, 1);
  const tables = passTables([pass]);
  t.is(tables[2], '| p | 3 | 2 | 30 | 3.00 KiB | 60.0 % | 4 | 2.00 KiB | 5 | 3 | 6 | 2 | 1 | 9 |');
  t.deepEqual(tables.slice(-2), [
    '| p | 1 | 2 | 1.00 KiB | 10.0 | 3.0 | 3.0 |',
    '| p | none | 1 | 1.00 KiB | 10.0 | 3.0 | 3.0 |',
  ]);
  const widths = tables.filter((line) => line !== '').map((line) => line.split('|').length);
  t.deepEqual([...new Set(widths)], [16, 9]);
});

test('faults are the same in every run, in order, about one in twenty-five', (t) => {
  for (const where of ['devices', 'origin'] as const) {
    const rules = faultRules(where, 10_000, 1);
    t.deepEqual(faultRules(where, 10_000, 1), rules);
    t.true(rules.length > 300 && rules.length < 500);
    t.true(rules.every(({ from = 0 }, at) => from > (rules[at - 1]?.from ?? 0)));
    t.true(new Set(rules.map(({ fault }) => fault.kind)).size >= 3);
  }
  t.notDeepEqual(faultRules('devices', 1000, 1), faultRules('devices', 1000, 2));
});

test('a section of a page is replaced, and nothing else', (t) => {
  const page = 'a\n<!-- x -->\n\nold\n\n<!-- /x -->\nb <!-- y --><!-- /y -->\n';
  const next = replaceSection(page, 'x', 'new\n');
  t.is(next, 'a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb <!-- y --><!-- /y -->\n');
  t.is(replaceSection(next, 'x', 'old'), page);
  t.throws(() => replaceSection(page, 'z', ''), { message: /expected "<!-- z -->"/ });
  t.throws(() => replaceSection(`${page}${page}`, 'x', ''), { message: /once/ });
});

test('a release of the sparse image rewrites one unit with data in twenty', (t) => {
  const first = [...unitsOf(1, GiB)];
  t.true(Math.abs(first.length / 4096 - 0.4) < 0.03);
  for (const release of [2, 3]) {
    const units = [...unitsOf(release, GiB)];
    t.true(Math.abs(units.length / first.length - 0.05) < 0.015);
    t.true(units.every((unit) => first.includes(unit)));
  }
});
