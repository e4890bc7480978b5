/**
 * What a release costs, in lines for people.
 *
 * @module
 */
import { formatSize } from '../core/sizes.ts';
import type { Charges } from '../costs/prices.ts';
import type { FleetCosts, ReleaseCosts } from '../costs/release-costs.ts';
import { alignRows } from './align-rows.ts';

/** Versions that are named in a line. */
const SHOWN = 4;

/** The release, and the fleet if there is one. */
export interface DescribedCosts extends ReleaseCosts {
  readonly fleet?: FleetCosts;
}

/** Lines about the costs. */
export function describeCosts(costs: DescribedCosts): string[] {
  const { added, all, puts, closed, devices, fleet } = costs;
  return [
    `costs of ${costs.product} ${costs.version}`,
    ...alignRows([
      ['  stored by it', `${formatSize(added.bytes)} in ${added.objects} objects, ${puts} requests`],
      ['  stored in all', `${formatSize(all.bytes)} in ${all.objects} objects`],
    ]),
    ...(closed > 0 ? [`  ${closed} sealed releases cannot be opened: their packs are not counted`] : []),
    ...(devices.length === 0
      ? ['  what devices fetch cannot be told: give a key that opens the release']
      : alignRows(
          [
            ['  a device with', 'fetches', 'index', 'delta', 'packs', 'requests'],
            ...devices.map(({ from, plan }) => [
              `  ${from.length === 0 ? 'nothing' : listed(from)}`,
              ...(plan === undefined
                ? ['?', '', '', '', '(cut otherwise)']
                : [
                    ...[plan.bytes, plan.indexBytes, plan.deltaBytes, plan.dataBytes].map(formatSize),
                    `${plan.requests}`,
                  ]),
            ]),
          ],
          1,
        )),
    ...(fleet === undefined ? [] : describeFleet(fleet)),
  ];
}

function describeFleet({ devices, months, hitRate, currency, charges, ...fleet }: FleetCosts): string[] {
  const { requests, bytes, shares, storageOfAll } = fleet;
  const money = (amount: number): string => formatMoney(amount, currency);
  const line = (name: keyof Charges, what: string): string[][] =>
    charges[name] === 0 ? [] : [[`  ${what}`, money(charges[name])]];
  const guessed = shares.filter((share) => share.guessed).map(({ from }) => from);
  return [
    `for ${devices} devices: ${formatSize(bytes)}, ${Math.round(requests)} requests, ` +
      `${(hitRate * 100).toFixed(1)} % of it from the CDN's cache`,
    ...alignRows(
      [
        ...line('storage', `storage, ${months} months`),
        ...line('puts', 'requests to store it'),
        ...line('gets', 'requests at the store'),
        ...line('originEgress', 'from the store to the CDN'),
        ...line('cdnRequests', 'requests at the CDN'),
        ...line('egress', 'to devices'),
        ['  in all', money(charges.total)],
        ['  a device', money(charges.total / devices)],
      ],
      1,
    ),
    `all that is stored: ${money(storageOfAll)} a month`,
    ...(guessed.length === 0
      ? []
      : [`taken for first installs, since it cannot be planned from here: ${listed(guessed)}`]),
  ];
}

function listed(versions: readonly string[]): string {
  const more = versions.length - SHOWN;
  return `${versions.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Two decimals, and for small amounts as many as three figures take. */
function formatMoney(amount: number, currency: string | undefined): string {
  const number =
    amount === 0 || amount >= 1
      ? amount.toFixed(2)
      : amount.toFixed(Math.min(12, 2 - Math.floor(Math.log10(amount))));
  return currency === undefined ? number : `${number} ${currency}`;
}
