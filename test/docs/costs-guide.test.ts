import { readFileSync } from 'node:fs';
import test from 'ava';
import { parsePrices } from '../../src/cli/read-prices.ts';

const guide = readFileSync(new URL('../../docs/guides/costs.md', import.meta.url), 'utf8');

test('the file of prices in the guide is one, with every member that there is', (t) => {
  const yaml = /```yaml\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
  const { prices, fleet } = parsePrices(yaml, 'prices.yaml');
  t.deepEqual(prices, {
    currency: 'EUR',
    ...{ storage: 0.023, puts: 0.005, gets: 0.004, egress: 0.085, cdnRequests: 0.0075, originEgress: 0 },
  });
  t.deepEqual(fleet, {
    devices: 20_000,
    hitRate: 0.97,
    months: 12,
    from: { '1.4.0': 80, '1.3.0': 15, nothing: 5 },
  });
  for (const name of [...Object.keys(prices), ...Object.keys(fleet)]) t.true(yaml.includes(`${name}:`), name);
});
