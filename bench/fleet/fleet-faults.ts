/**
 * What goes wrong on the way, by lot but the same in every run: about one request in twenty-five.
 *
 * @module
 */
import type { FaultRule } from '../../test/support/fault-proxy.ts';
import type { Fault } from '../../test/support/faults.ts';
import { seededRandom } from '../../test/support/seeded-bytes.ts';

const BETWEEN = 25;

/** Between a device and a node of the CDN. */
const AT_DEVICES: readonly Fault[] = [
  { kind: 'reset', after: 0 },
  { kind: 'reset', after: 20_000 },
  { kind: 'short', bytes: 1000, by: 'close' },
  { kind: 'short', bytes: 3000, by: 'end' },
  { kind: 'status', status: 503, headers: { 'retry-after': '1' } },
  { kind: 'status', status: 500 },
  { kind: 'ignore-range' },
  { kind: 'wrong-bytes' },
];

/** Between a node and the origin; what is wrong there may get into the cache. */
const AT_ORIGIN: readonly Fault[] = [
  { kind: 'status', status: 503 },
  { kind: 'reset', after: 50_000 },
  { kind: 'short', bytes: 1000, by: 'close' },
  { kind: 'flip-bit', at: 500 },
];

/** Rules for the first `requests` requests that come by. */
export function faultRules(where: 'devices' | 'origin', requests: number, seed: number): FaultRule[] {
  const faults = where === 'devices' ? AT_DEVICES : AT_ORIGIN;
  const random = seededRandom(seed);
  const rules: FaultRule[] = [];
  for (let at = gap(random); at <= requests; at += gap(random)) {
    const fault = faults[rules.length % faults.length] as Fault;
    rules.push({ match: /^/, from: at, times: 1, fault });
  }
  return rules;
}

/**
 * A node that is down for a while, in the middle of everything: of `devices` devices half prefer it, each with some
 * ten requests.
 */
export function downFor(devices: number): FaultRule {
  return { match: /^/, from: 2 * devices, times: Math.ceil(devices / 2), fault: { kind: 'reset', after: 0 } };
}

function gap(random: () => number): number {
  return 1 + Math.floor(random() * 2 * BETWEEN);
}
