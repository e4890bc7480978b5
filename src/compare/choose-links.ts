/**
 * Lines by name, or described on the spot.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { LINKS, type Link } from './link.ts';

const OWN = /^(?<rate>\d+(?:\.\d+)?)(?<unit>[kmg])bit,(?<rtt>\d+)ms(?:,(?<loss>\d+(?:\.\d+)?)%)?$/i;

const UNITS: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 };

/**
 * The link that `text` names (`lte`) or describes (`8Mbit,120ms` or `8Mbit,120ms,0.5%`: rate of each
 * direction, round trip, share of segments lost).
 *
 * @throws SiltError USAGE
 */
export function chooseLink(text: string): Link {
  const known = LINKS.find(({ name }) => name === text.toLowerCase());
  if (known !== undefined) return known;
  const { rate, unit = '', rtt, loss = '0' } = OWN.exec(text)?.groups ?? {};
  const bytesPerSecond = (Number(rate) * (UNITS[unit.toLowerCase()] ?? 0)) / 8;
  const lost = Number(loss) / 100;
  if (!(bytesPerSecond >= 1000) || lost > 0.5) {
    const names = LINKS.map(({ name }) => name).join(', ');
    throw new SiltError(
      'USAGE',
      `expected a link: ${names}, or one such as 8Mbit,120ms,0.5%; found "${text}"`,
    );
  }
  const title = `${rate} ${unit.toUpperCase()}bit/s, ${rtt} ms${lost > 0 ? `, ${loss} % loss` : ''}`;
  return { name: text, title, bytesPerSecond, roundTripMs: Number(rtt), loss: lost, resetAfterBytes: 0 };
}
