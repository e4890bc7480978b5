import test from 'ava';
import fc from 'fast-check';
import { MiB } from '../../src/core/sizes.ts';
import { chargesFor, type Fleet, type Prices } from '../../src/costs/prices.ts';
import { type DeviceCosts, fleetCosts, putsFor, type ReleaseCosts } from '../../src/costs/release-costs.ts';
import { partSize } from '../../src/store/s3-upload.ts';

const planOf = (bytes: number, requests: number): DeviceCosts['plan'] => {
  return { requests, bytes, indexBytes: 0, deltaBytes: 0, dataBytes: bytes, metadataBytes: 0 };
};

const costs: ReleaseCosts = {
  product: 'os',
  version: '4',
  added: { objects: 3, bytes: 2e9 },
  all: { objects: 30, bytes: 20e9 },
  closed: 0,
  puts: 2000,
  devices: [
    { from: ['3', '2'], plan: planOf(1e6, 10) },
    { from: ['1'], plan: undefined },
    { from: [], plan: planOf(50e6, 100) },
  ],
};

const prices: Prices = {
  currency: 'EUR',
  ...{ storage: 0.02, puts: 0.005, gets: 0.004, egress: 0.1, cdnRequests: 0.01, originEgress: 0.09 },
};

const fleet: Fleet = { devices: 1000, hitRate: 0.9, months: 6, from: { 3: 6, 2: 3, nothing: 1 } };

test('each price applies to what it is for', (t) => {
  const found = fleetCosts(costs, prices, fleet);
  const near = (value: number | undefined, expected: number): boolean =>
    t.true(Math.abs((value ?? Number.NaN) - expected) < 1e-9, `${value} is not ${expected}`);
  // 900 devices fetch 1 MB in 10 requests, 100 devices 50 MB in 100.
  t.is(found?.bytes, 900e6 + 5000e6);
  t.is(found?.requests, 9000 + 10_000);
  near(found?.charges.storage, 2 * 6 * 0.02);
  near(found?.charges.puts, 2 * 0.005);
  near(found?.charges.gets, 0.19 * 0.004);
  near(found?.charges.cdnRequests, 1.9 * 0.01);
  near(found?.charges.egress, 5.9 * 0.1);
  near(found?.charges.originEgress, 0.59 * 0.09);
  near(found?.storageOfAll, 20 * 0.02);
  t.is(found?.currency, 'EUR');
});

test('without a mix all devices have the release before; what is not known is taken for a first install', (t) => {
  const usual = fleetCosts(costs, prices, { ...fleet, from: {} });
  t.is(usual?.bytes, 1000 * 1e6);
  const unknown = fleetCosts(costs, prices, { ...fleet, from: { 1: 1, gone: 1 } });
  t.is(unknown?.bytes, 1000 * 50e6);
  t.deepEqual(
    unknown?.shares.map(({ from, guessed }) => [from, guessed]),
    [
      ['1', true],
      ['gone', true],
    ],
  );
  const first = { ...costs, devices: costs.devices.slice(-1) };
  const installs = fleetCosts(first, prices, { ...fleet, from: {} });
  t.is(installs?.bytes, 1000 * 50e6);
  t.false(installs?.shares[0]?.guessed);
  t.is(fleetCosts({ ...costs, devices: [] }, prices, fleet), undefined);
});

test('totals are sums, of shares and of charges', (t) => {
  const amount = fc.double({ min: 0, max: 1e6, noNaN: true });
  const price = fc.record({
    ...{ storage: amount, puts: amount, gets: amount, egress: amount },
    ...{ cdnRequests: amount, originEgress: amount },
  });
  const mix = fc.dictionary(
    fc.constantFrom('3', '2', '1', 'gone', 'nothing'),
    fc.integer({ min: 1, max: 1e6 }),
  );
  const fleets = fc.record({
    devices: fc.integer({ min: 1, max: 1e9 }),
    hitRate: fc.double({ min: 0, max: 1, noNaN: true }),
    months: fc.integer({ min: 0, max: 120 }),
    from: mix,
  });
  const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const property = fc.property(price, fleets, (each, devices) => {
    const found = fleetCosts(costs, { currency: undefined, ...each }, devices);
    if (found === undefined) return false;
    const { total, ...parts } = found.charges;
    const { shares } = found;
    return (
      isNear(total, sum(Object.values(parts))) &&
      isNear(found.bytes, sum(shares.map(({ bytes }) => bytes))) &&
      isNear(found.requests, sum(shares.map(({ requests }) => requests))) &&
      isNear(devices.devices, sum(shares.map((share) => share.devices)))
    );
  });
  t.notThrows(() => fc.assert(property, { numRuns: 300, seed: 7 }));
});

test('nothing used costs nothing, and nothing is free twice', (t) => {
  const nothing = { storedBytes: 0, months: 1, puts: 0, requests: 0, bytes: 0, hitRate: 0.5 };
  t.is(chargesFor(nothing, prices).total, 0);
  const direct = chargesFor({ ...nothing, requests: 10_000, bytes: 1e9, hitRate: 0 }, prices);
  t.is(direct.gets, 0.004);
  t.is(direct.originEgress, 0.09);
  const cached = chargesFor({ ...nothing, requests: 10_000, bytes: 1e9, hitRate: 1 }, prices);
  t.is(cached.gets, 0);
  t.is(cached.egress, direct.egress);
});

test('an object in parts takes as many requests as the S3 store makes', (t) => {
  t.deepEqual([0, 1, 16 * MiB].map(putsFor), [1, 1, 1]);
  for (const size of [16 * MiB + 1, 100 * MiB, 80_000 * MiB, 80_000 * MiB + 1, 500_000 * MiB]) {
    t.is(putsFor(size), Math.ceil(size / partSize(size)) + 2);
  }
});
