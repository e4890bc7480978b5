/**
 * YAML as a tree of texts with their places. What a text means is left to its reader, so `version: 1.10` stays
 * `1.10` and `no` stays `no`. Small and flat on purpose: one document, no tags, anchors, aliases or directives,
 * and caps on bytes and depth before anything walks down.
 *
 * @module
 */
import { Composer, type CST, isAlias, isMap, isScalar, isSeq, type ParsedNode, Parser } from 'yaml';
import { KiB } from '../../core/sizes.ts';
import { type Findings, oneLine, type Position } from './findings.ts';
import { memberName } from './kind.ts';

/** The largest configuration, in bytes. */
export const MAX_CONFIG: number = 256 * KiB;
/** The deepest nesting; a configuration has seven. */
const MAX_DEPTH = 32;
const MAX_COMPLAINT = 200;

export interface Text {
  readonly type: 'text';
  readonly text: string;
  /** Without quotes: only then `null`, `~` and nothing at all mean nothing. */
  readonly plain: boolean;
  readonly at: Position;
}

export interface List {
  readonly type: 'list';
  readonly items: readonly Value[];
  readonly at: Position;
}

export interface Mapping {
  readonly type: 'mapping';
  /** In the order of the file; names differ. */
  readonly entries: ReadonlyMap<string, Entry>;
  readonly at: Position;
}

export interface Entry {
  readonly nameAt: Position;
  readonly value: Value;
}

export type Value = Text | List | Mapping;

/**
 * The tree of `text`; `undefined` where it is not YAML, or not a YAML that is read here. Whatever is wrong is
 * told to `mistakes`.
 */
export function parseYaml(text: string, mistakes: Findings): Value | undefined {
  const source = text.startsWith('\ufeff') ? text.slice(1) : text;
  const place = placesOf(source);
  const start = { line: 1, column: 1 };
  const size = Buffer.byteLength(source);
  if (size > MAX_CONFIG) {
    mistakes.add(start, '', `expected at most ${MAX_CONFIG} bytes, found ${size}; is it the right file?`);
    return undefined;
  }
  const tokens = [...new Parser().parse(source)];
  const refused = refusedToken(tokens);
  if (refused !== undefined) {
    mistakes.add(place(refused.offset), '', refused.message);
    return undefined;
  }
  const composer = new Composer({
    version: '1.2',
    schema: 'failsafe',
    stringKeys: true,
    // Ours needs no quadratic time.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const [document, second] = [...composer.compose(tokens, true, source.length)];
  // Tags and aliases are told below, in words of ours.
  const errors = (document?.errors ?? []).filter(
    ({ code }) => code !== 'TAG_RESOLVE_FAILED' && code !== 'BAD_ALIAS',
  );
  for (const { pos, message } of errors) {
    mistakes.add(place(pos[0]), '', `expected YAML: ${complaint(message)}`);
  }
  if (second !== undefined) {
    mistakes.add(place(second.range[0]), '', 'expected one YAML document, found another one here');
  }
  if (errors.length > 0 || second !== undefined) return undefined;
  const contents = document?.contents ?? null;
  return contents === null
    ? { type: 'text', text: '', plain: true, at: start }
    : treeOf(contents as ParsedNode, { place, mistakes });
}

/** Those of the parser may quote the file. */
function complaint(message: string): string {
  const line = oneLine(message.replaceAll(/\s+/g, ' '));
  return line.length > MAX_COMPLAINT ? `${line.slice(0, MAX_COMPLAINT)}…` : line;
}

interface Walk {
  readonly place: (offset: number) => Position;
  readonly mistakes: Findings;
}

function treeOf(node: ParsedNode, walk: Walk): Value {
  const { place, mistakes } = walk;
  const at = place(node.range[0]);
  if (isAlias(node) || node.anchor !== undefined) {
    mistakes.add(at, '', 'expected no anchors (&) and aliases (*); write the value where it is used');
  }
  if (!isAlias(node) && node.tag !== undefined) {
    mistakes.add(at, '', 'expected no tags (!); write the value alone');
  }
  if (isSeq<ParsedNode>(node))
    return { type: 'list', items: node.items.map((item) => treeOf(item, walk)), at };
  if (isMap<ParsedNode, ParsedNode | null>(node)) {
    const entries = new Map<string, Entry>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value ?? '') : '';
      const nameAt = place(key.range[0]);
      if (entries.has(name))
        mistakes.add(nameAt, memberName('', name), 'expected each member once, found it again');
      const nothing: Text = { type: 'text', text: '', plain: true, at: nameAt };
      if (!entries.has(name)) entries.set(name, { nameAt, value: value ? treeOf(value, walk) : nothing });
    }
    return { type: 'mapping', entries, at };
  }
  const text = isScalar(node) ? String(node.value ?? '') : '';
  return { type: 'text', text, plain: isScalar(node) && node.type === 'PLAIN', at };
}

/** What must be refused before the composer walks down, as that is recursive. */
function refusedToken(tokens: readonly CST.Token[]): { offset: number; message: string } | undefined {
  const open: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (token.type === 'directive') {
      return {
        offset: token.offset,
        message: 'expected no YAML directives (%); begin with the first member',
      };
    }
    if (depth > MAX_DEPTH) {
      return { offset: token.offset, message: `expected at most ${MAX_DEPTH} levels, found more` };
    }
    const below = 'items' in token ? token.items.flatMap(({ key, value }) => [key, value]) : [];
    if (token.type === 'document') below.push(token.value);
    for (const child of below) if (child) open.push({ token: child, depth: depth + 1 });
  }
  return undefined;
}

/** From an offset to its place; the end of the file counts to the last line that has something on it. */
function placesOf(source: string): (offset: number) => Position {
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  const end = source.trimEnd().length;
  return (offset) => {
    const inside = Math.max(0, Math.min(offset, end));
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= inside) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: inside - (starts[low] ?? 0) + 1 };
  };
}
