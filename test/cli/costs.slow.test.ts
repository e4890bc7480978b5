import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parsePrices } from '../../src/cli/read-prices.ts';
import { KiB } from '../../src/core/sizes.ts';
import type { FleetCosts, ReleaseCosts } from '../../src/costs/release-costs.ts';
import { withFlips } from '../support/edited-image.ts';
import { createCli } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const PRICES = `# at a provider
currency: EUR
storage: 0.02
puts: 0.005
gets: 0.004
egress: 0.08
fleet:
  devices: 1000
  hitRate: 95%
  months: 12
  from: {"1": 9, nothing: 1}
`;

type Costs = ReleaseCosts & { readonly fleet: FleetCosts };

test('publish --report and inspect --costs tell the same of a release, with prices and without', async (t) => {
  const { directory, run } = await createCli(t);
  const image = seededBytes('cli costs', 400 * KiB);
  await writeFile(join(directory, 'a.img'), image);
  await writeFile(join(directory, 'b.img'), withFlips(image, 0, 100 * KiB, 3000));
  await writeFile(join(directory, 'prices.yaml'), PRICES);
  t.is((await run('keys', 'init', 'keys', '--repo', 'repo', '--product', 'p')).status, 0);
  const product = ['--repo', 'repo', '--product', 'p'];
  const release = [...product, '--root', 'keys/root.json'];
  const publish = (version: string, path: string, ...more: string[]) =>
    run(
      ...['publish', '--image', `disk=${path}`, ...product, '--version', version, '--keys', 'keys'],
      ...['--compression', '1', ...more],
    );
  const first = await publish('1', 'a.img', '--report');
  t.is(first.status, 0, first.stderr);
  t.regex(first.stdout, /costs of p 1\n {2}stored by it .* in 3 objects, 3 requests\n/);
  t.regex(first.stdout, /\n {2}nothing +\d/);
  const second = await publish('2', 'b.img', '--report', 'costs.json', '--prices', 'prices.yaml', '--json');
  t.is(second.status, 0, second.stderr);
  const { costs } = JSON.parse(second.stdout) as { costs: Costs };
  t.deepEqual(JSON.parse(await readFile(join(directory, 'costs.json'), 'utf8')), costs);
  t.deepEqual(
    costs.fleet.shares.map(({ from, devices }) => [from, devices]),
    [
      ['1', 900],
      ['nothing', 100],
    ],
  );
  t.true((costs.devices[0]?.plan?.metadataBytes ?? 0) > 0);
  const inspected = await run('inspect', ...release, '--costs', '--prices', 'prices.yaml', '--json');
  t.deepEqual((JSON.parse(inspected.stdout) as { costs: Costs }).costs, costs);
  const shown = await run('inspect', ...release, '--costs', '--prices', 'prices.yaml');
  t.regex(
    shown.stdout,
    /for 1000 devices: .* 95\.0 % of it from the CDN's cache\n {2}storage, 12 months +0\.\d+ EUR\n/,
  );
  // And that is what a device fetches that remembers nothing.
  await writeFile(join(directory, 'seed.img'), image);
  const fetched = await run(
    'fetch',
    ...release,
    '--seed',
    'seed.img',
    '--output',
    'out',
    '--state',
    'new',
    '--json',
  );
  const { requests, bytesFetched } = JSON.parse(fetched.stdout) as { requests: number; bytesFetched: number };
  t.is(costs.devices[0]?.plan?.bytes, bytesFetched);
  t.is(costs.devices[0]?.plan?.requests, requests);
});

test('prices are refused before anything is stored, each mistake by its line', async (t) => {
  const { directory, run } = await createCli(t);
  await writeFile(join(directory, 'a.img'), seededBytes('cli costs', KiB));
  await writeFile(join(directory, 'prices.yaml'), 'storag: 1\negress: cheap\nfleet: {hitRate: 120%}\n');
  const publish = ['publish', 'a.img', '--insecure', '--repo', 'repo', '--product', 'p', '--version', '1'];
  const refused = await run(...publish, '--report', '--prices', 'prices.yaml');
  t.is(refused.status, 2);
  t.regex(refused.stderr, /prices\.yaml:1:1: storag: there is no such member; did you mean storage\?/);
  t.regex(refused.stderr, /prices\.yaml:2:9: egress: expected a price such as 0\.023, found "cheap"/);
  t.regex(refused.stderr, /prices\.yaml:3:\d+: fleet\.hitRate: expected a share/);
  t.regex((await run(...publish, '--prices', 'prices.yaml')).stderr, /expected --report with --prices/);
  t.regex((await run(...publish, '--report', '--prices', 'none.yaml')).stderr, /there is no none\.yaml/);
  const inspect = ['inspect', '--insecure', '--repo', 'repo'];
  t.regex((await run(...inspect)).stderr, /no repository|no such directory|repo/);
  t.regex((await run(...inspect, '--costs')).stderr, /expected --product with --costs/);
});

test('a file of prices is YAML or JSON, and what it leaves out costs nothing', (t) => {
  const { prices, fleet } = parsePrices('{"egress": 0.05, "fleet": {"devices": 5, "hitRate": 0.5}}', 'x');
  t.deepEqual(prices, {
    currency: undefined,
    ...{ storage: 0, puts: 0, gets: 0, egress: 0.05, cdnRequests: 0, originEgress: 0 },
  });
  t.deepEqual(fleet, { devices: 5, hitRate: 0.5, months: 1, from: {} });
  t.deepEqual(parsePrices('', 'x').fleet, { devices: 1, hitRate: 0, months: 1, from: {} });
  for (const wrong of [
    ...['egress: -1', 'egress: 1e3', 'egress: NaN', 'fleet: {devices: 0}', 'fleet: {from: {"1": 0}}'],
    ...['fleet: {from: {"/": 1}}', 'fleet: {from: [1]}', 'fleet: 3', 'a: [', 'currency: "EU R"'],
  ]) {
    t.throws(() => parsePrices(wrong, 'x'), { message: /^x:1:\d+: / }, wrong);
  }
});
