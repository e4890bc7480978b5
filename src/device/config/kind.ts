/**
 * Kinds of values: each reads a value of the tree, or tells what it expected and what it found. A kind never
 * throws and never stops at the first mistake.
 *
 * @module
 */
import { type Findings, type Position, quoted } from './findings.ts';
import type { Value } from './yaml-tree.ts';

export interface Kind<T> {
  /** For sentences: `a duration such as 30s, 15min, 6h or 2d`. */
  readonly expected: string;
  /** The value; `undefined` when a mistake has been told. @param member its name, such as `polling.interval` */
  read(value: Value, reading: Reading, member: string): T | undefined;
  /** What is below it, for who lists all members. */
  readonly below?: {
    readonly members?: Members;
    readonly variants?: Readonly<Record<string, Kind<unknown>>>;
    readonly item?: Kind<unknown>;
  };
}

/** A member of a mapping: its kind, and what holds where it is not there. */
export interface Member<T> {
  readonly kind: Kind<unknown>;
  readonly need: Need;
  /** Only for the type. */
  readonly type?: T;
}

export type Need =
  | { readonly is: 'required' | 'optional' }
  /** As it would be written in the file. */
  | { readonly is: 'default'; readonly value: string | readonly string[] }
  /** A mapping all of whose members have a default: as if it were there, and empty. */
  | { readonly is: 'section' };

export type Members = Readonly<Record<string, Member<unknown>>>;

/** One run over a file. */
export interface Reading {
  /** Of the file; relative paths begin there. */
  readonly directory: string;
  readonly mistakes: Findings;
  readonly warnings: Findings;
  /** Where the objects and lists that were read came from. */
  readonly places: Places;
}

export interface Place {
  readonly at: Position;
  /** The name of the member that it is. */
  readonly member: string;
  /** Of a mapping, by name; of a list, by number. */
  readonly below: ReadonlyMap<string | number, Position>;
}

export interface Places {
  set(value: object, place: Place): void;
  get(value: object): Place | undefined;
}

/** What checks of a value that was read are told about, at one of its members. */
export interface Tell {
  mistake(message: string, member?: string | number): void;
  warning(message: string, member?: string | number): void;
}

/** Tells about `value`, which has been read, and its members. */
export function tellAbout(reading: Reading, value: object): Tell {
  const place = reading.places.get(value);
  const add = (findings: Findings, message: string, member?: string | number): void => {
    const at = (member === undefined ? undefined : place?.below.get(member)) ?? place?.at;
    const name = member === undefined ? (place?.member ?? '') : memberName(place?.member ?? '', member);
    findings.add(at ?? { line: 1, column: 1 }, name, message);
  };
  return {
    mistake: (message, member) => add(reading.mistakes, message, member),
    warning: (message, member) => add(reading.warnings, message, member),
  };
}

/** `kind`, and what must hold besides: `check` tells what does not, or gives another object to go on with. */
export function checked<T extends object, U extends object = T>(
  kind: Kind<T>,
  check: (value: T, tell: Tell) => U,
): Kind<U> {
  return {
    expected: kind.expected,
    ...(kind.below && { below: kind.below }),
    read(value, reading, member) {
      const found = kind.read(value, reading, member);
      if (found === undefined) return undefined;
      const result = check(found, tellAbout(reading, found));
      const place = reading.places.get(found);
      if (place !== undefined) reading.places.set(result, place);
      return result;
    },
  };
}

export function memberName(above: string, name: string | number): string {
  if (typeof name === 'number') return `${above}[${name}]`;
  // A name of the file's: whatever it is, it stays short and on one line.
  const plain = /^[A-Za-z0-9_-]{1,64}$/.test(name) ? name : quoted(name);
  return above === '' ? plain : `${above}.${plain}`;
}

/** Whether the file says nothing: `name:` and no more, `~` or `null`. */
export function isNothing(value: Value): boolean {
  return value.type === 'text' && value.plain && /^(|~|null|Null|NULL)$/.test(value.text);
}

/** What was found, for sentences. */
export function describeValue(value: Value): string {
  if (isNothing(value)) return 'nothing';
  if (value.type === 'list') return 'a list';
  return value.type === 'mapping' ? 'a mapping' : quoted(value.text);
}

/** Tells that something else was found. @param hint what to do, without its semicolon */
export function refuse(
  { mistakes }: Reading,
  value: Value,
  member: string,
  expected: string,
  hint?: string,
): undefined {
  const message = `expected ${expected}, found ${describeValue(value)}${hint === undefined ? '' : `; ${hint}`}`;
  mistakes.add(value.at, member, message);
  return undefined;
}
