/**
 * The file of prices, and of the fleet that they are for: YAML, or JSON, which is YAML as well. All mistakes are told
 * by their lines.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { FIRST_INSTALL, type Fleet, type Prices } from '../costs/prices.ts';
import { createFindings, formatFinding } from '../device/config/findings.ts';
import { type Kind, memberName, type Reading, refuse } from '../device/config/kind.ts';
import { byDefault, optional, section, shape } from '../device/config/shapes.ts';
import { count, textKind, textOf } from '../device/config/text-kinds.ts';
import { MAX_CONFIG, parseYaml } from '../device/config/yaml-tree.ts';
import { NAME_PATTERN } from '../format/manifest.ts';
import { readOptionText } from './read-option-file.ts';

const MAX_VERSIONS = 1000;
const MAX_MISTAKES = 10;

const DECIMAL = /^(\d{1,12}(\.\d{0,12})?|\.\d{1,12})$/;

const price: Kind<number> = textKind('a price such as 0.023', (text) =>
  DECIMAL.test(text) ? Number(text) : undefined,
);

const share: Kind<number> = textKind('a share such as 95% or 0.95', (text) => {
  const number = text.endsWith('%') ? text.slice(0, -1) : text;
  const value = DECIMAL.test(number) ? Number(number) / (text.endsWith('%') ? 100 : 1) : Number.NaN;
  return value <= 1 ? value : undefined;
});

const weight: Kind<number> = textKind('a number of devices, or a share', (text) =>
  DECIMAL.test(text) ? Number(text) : undefined,
);

const mix: Kind<Readonly<Record<string, number>>> = {
  expected: 'a mapping from versions to shares',
  read(value, reading, member) {
    if (value.type !== 'mapping') return refuse(reading, value, member, mix.expected);
    const told = (at: typeof value.at, name: string, message: string): undefined =>
      reading.mistakes.add(at, name, message) as undefined;
    if (value.entries.size > MAX_VERSIONS) {
      return told(value.at, member, `expected at most ${MAX_VERSIONS} versions, found ${value.entries.size}`);
    }
    const read = [...value.entries].map(([version, entry]) => {
      const name = memberName(member, version);
      if (!NAME_PATTERN.test(version)) {
        return told(entry.nameAt, name, `expected a version, or "${FIRST_INSTALL}" for a first install`);
      }
      const found = weight.read(entry.value, reading, name);
      return found === undefined ? undefined : ([version, found] as const);
    });
    const good = read.filter((entry) => entry !== undefined);
    if (good.length < read.length) return undefined;
    if (good.length > 0 && good.every(([, found]) => found === 0)) {
      return told(value.at, member, 'expected a share above 0, found none');
    }
    return Object.fromEntries(good);
  },
};

const everywhere: Kind<Readonly<Record<string, number>> | undefined> = mix;

const file = shape({
  currency: optional(textOf('a currency such as EUR', /^\S+$/, 8)),
  storage: byDefault(price, '0'),
  puts: byDefault(price, '0'),
  gets: byDefault(price, '0'),
  egress: byDefault(price, '0'),
  cdnRequests: byDefault(price, '0'),
  originEgress: byDefault(price, '0'),
  fleet: section(
    shape({
      devices: byDefault(count(1, 1e12), '1'),
      hitRate: byDefault(share, '0'),
      months: byDefault(weight, '1'),
      from: optional(everywhere),
    }),
  ),
});

export interface PricedFleet {
  readonly prices: Prices;
  readonly fleet: Fleet;
}

/** What `text` says. @param path for messages @throws SiltError USAGE with the mistakes, a line each */
export function parsePrices(text: string, path: string): PricedFleet {
  const reading: Reading = {
    directory: '.',
    mistakes: createFindings(),
    warnings: createFindings(),
    places: new WeakMap(),
  };
  const tree = parseYaml(text, reading.mistakes);
  const found = tree === undefined ? undefined : file.read(tree, reading, '');
  const mistakes = reading.mistakes.list();
  if (found === undefined || mistakes.length > 0) {
    const lines = mistakes.slice(0, MAX_MISTAKES).map((finding) => formatFinding(path, finding));
    throw new SiltError('USAGE', lines.join('\n'), { details: { path, mistakes: mistakes.length } });
  }
  const { fleet, ...prices } = found;
  return { prices, fleet: { ...fleet, from: fleet.from ?? {} } };
}

/** The prices in the file at `path`. @throws SiltError USAGE, IO_FAILED, FORMAT_INVALID for one that is too large */
export async function readPrices(path: string): Promise<PricedFleet> {
  return parsePrices(await readOptionText('--prices', path, MAX_CONFIG), path);
}
