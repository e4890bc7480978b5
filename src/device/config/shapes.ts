/**
 * Kinds that hold others: mappings with known members, mappings whose `type` says which members, and lists. An
 * unknown member is a mistake, with the name that was probably meant.
 *
 * @module
 */
import { quoted } from './findings.ts';
import { isNothing, type Kind, type Member, type Members, memberName, type Reading, refuse } from './kind.ts';
import { nearestName } from './nearest-name.ts';
import type { Entry, Mapping, Value } from './yaml-tree.ts';

export type Shape<M extends Members> = {
  readonly [K in keyof M]: M[K] extends Member<infer T> ? T : never;
};

export interface ShapeKind<M extends Members> extends Kind<Shape<M>> {
  /** What could be read, where mistakes have been told. */
  readPart(value: Value, reading: Reading, member: string): Partial<Shape<M>>;
}

export function required<T>(kind: Kind<T>): Member<T> {
  return { kind, need: { is: 'required' } };
}

/** `undefined` where it is not there. */
export function optional<T>(kind: Kind<T>): Member<T | undefined> {
  return { kind, need: { is: 'optional' } };
}

/** @param value as it would be written in the file */
export function byDefault<T>(kind: Kind<T>, value: string | readonly string[]): Member<T> {
  return { kind, need: { is: 'default', value } };
}

/** A mapping that is read as an empty one where it is not there. */
export function section<T>(kind: Kind<T>): Member<T> {
  return { kind, need: { is: 'section' } };
}

/** A mapping with these members. */
export function shape<const M extends Members>(members: M, expected = 'a mapping'): ShapeKind<M> {
  const readPart = (value: Value, reading: Reading, member: string): Partial<Shape<M>> => {
    // An empty section lacks what it lacks.
    const mapping = isNothing(value) ? emptyMapping(value) : value;
    if (mapping.type !== 'mapping') {
      refuse(reading, value, member, `${expected} of ${listNames(Object.keys(members))}`);
      return {};
    }
    return readMembers(mapping, members, reading, member) as Partial<Shape<M>>;
  };
  return {
    expected,
    below: { members },
    readPart,
    read(value, reading, member) {
      const found = readPart(value, reading, member);
      const whole = Object.keys(members).every((name) => Object.hasOwn(found, name));
      return whole ? (found as Shape<M>) : undefined;
    },
  };
}

function readMembers(mapping: Mapping, members: Members, reading: Reading, above: string): object {
  const names = Object.keys(members);
  for (const [name, { nameAt }] of mapping.entries) {
    if (Object.hasOwn(members, name)) continue;
    const meant = nearestName(name, names);
    const hint = meant === undefined ? `it may have ${listNames(names)}` : `did you mean ${meant}?`;
    reading.mistakes.add(nameAt, memberName(above, name), `there is no such member; ${hint}`);
  }
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(members)) {
    const read = readMember(mapping, mapping.entries.get(name), member, reading, memberName(above, name));
    if (read !== undefined) result[name] = read.value;
  }
  const below = new Map([...mapping.entries].map(([name, { value }]) => [name, value.at] as const));
  reading.places.set(result, { at: mapping.at, member: above, below });
  return result;
}

/** The value in a box, since a member may well be undefined; no box when a mistake has been told. */
function readMember(
  mapping: Mapping,
  entry: Entry | undefined,
  { kind, need }: Member<unknown>,
  reading: Reading,
  name: string,
): { value: unknown } | undefined {
  const at = entry?.value.at ?? mapping.at;
  const box = (value: unknown) => (value === undefined ? undefined : { value });
  if (entry !== undefined && !isNothing(entry.value)) return box(kind.read(entry.value, reading, name));
  switch (need.is) {
    case 'optional':
      return { value: undefined };
    case 'section':
      return box(kind.read({ type: 'mapping', entries: new Map(), at }, reading, name));
    case 'default':
      return box(kind.read(asWritten(need.value, at), reading, name));
    case 'required':
      reading.mistakes.add(entry?.nameAt ?? at, name, `expected ${kind.expected}, found nothing; add it`);
      return undefined;
  }
}

function asWritten(value: string | readonly string[], at: Mapping['at']): Value {
  if (typeof value === 'string') return { type: 'text', text: value, plain: false, at };
  const items = value.map((text) => ({ type: 'text', text, plain: false, at }) as const);
  return { type: 'list', items, at };
}

function emptyMapping({ at }: Value): Mapping {
  return { type: 'mapping', entries: new Map(), at };
}

/** What a mapping with `type: K` is. */
export type Variant<V extends Readonly<Record<string, Kind<object>>>> = {
  [K in keyof V & string]: V[K] extends Kind<infer T> ? { readonly type: K } & T : never;
}[keyof V & string];

/** A mapping whose member `type` says which other members it has. */
export function variants<const V extends Readonly<Record<string, Kind<object>>>>(
  kinds: V,
  expected: string,
): Kind<Variant<V>> {
  const names = Object.keys(kinds);
  return {
    expected,
    below: { variants: kinds },
    read(value, reading, member) {
      if (value.type !== 'mapping') return refuse(reading, value, member, `${expected} with a type`);
      const type = value.entries.get('type');
      const name = memberName(member, 'type');
      if (type === undefined) {
        reading.mistakes.add(value.at, name, `expected one of ${listNames(names)}, found nothing; add it`);
        return undefined;
      }
      const chosen = type.value.type === 'text' ? type.value.text : '';
      const kind = Object.hasOwn(kinds, chosen) ? kinds[chosen] : undefined;
      if (kind === undefined) {
        const meant = nearestName(chosen, names);
        const hint = meant === undefined ? undefined : `did you mean ${meant}?`;
        return refuse(reading, type.value, name, `one of ${listNames(names)}`, hint);
      }
      const entries = new Map([...value.entries].filter(([entry]) => entry !== 'type'));
      const found = kind.read({ ...value, entries }, reading, member);
      if (found === undefined) return undefined;
      const result = { type: chosen, ...found };
      const place = reading.places.get(found);
      if (place !== undefined) reading.places.set(result, place);
      return result as Variant<V>;
    },
  };
}

export interface ListLimits {
  readonly least?: number;
  readonly most: number;
  /** Leave out items with mistakes, so that what can be said about the others is said. Default: no list then. */
  readonly part?: boolean;
}

/** A list of `what`. */
export function listOf<T>(
  item: Kind<T>,
  { least = 0, most, part = false }: ListLimits,
  what: string,
): Kind<readonly T[]> {
  const expected = `a list of ${what}`;
  return {
    expected,
    below: { item },
    read(value, reading, member) {
      if (value.type !== 'list') {
        return refuse(reading, value, member, expected, 'write [a, b], or one in each line after "- "');
      }
      const count = value.items.length;
      if (count < least || count > most) {
        const range = least === 0 ? `at most ${most}` : `${least} to ${most}`;
        reading.mistakes.add(value.at, member, `expected ${range} ${what}, found ${count}`);
        return undefined;
      }
      const read = value.items.map((each, index) => ({
        at: each.at,
        found: item.read(each, reading, memberName(member, index)),
      }));
      const good = read.filter(({ found }) => found !== undefined);
      if (good.length < count && !part) return undefined;
      const result = good.map(({ found }) => found as T);
      const below = new Map(good.map(({ at }, index) => [index, at] as const));
      reading.places.set(result, { at: value.at, member, below });
      return result;
    },
  };
}

/** `a, b or c`. */
export function listNames(names: readonly string[]): string {
  const shown = names.map((name) => (/^[\w.:/-]+$/.test(name) ? name : quoted(name)));
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}
