/**
 * The threat model names, for each attack, the test that covers it: the tests must be there, and every way in
 * which trust refuses must be in the table.
 */
import { existsSync, readFileSync } from 'node:fs';
import test from 'ava';
import { exitStatus } from '../../src/cli/exit.ts';

const root = new URL('../../', import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, root), 'utf8');

interface Row {
  readonly attack: string;
  readonly code: string;
  readonly file: string;
  readonly title: string;
}

const model = textOf('docs/threat-model.md');
const rows: readonly Row[] = [
  ...model.matchAll(/^\| ([^|]+) \| [^|]+ \| `?([A-Z_–]+)`? \| `(test\/[^`|]+\.ts)`: ([^|]+) \|$/gm),
].map(([, attack = '', code = '', file = '', title = '']) => ({ attack, code, file, title }));

/**
 * True when the file has a test of that title. Where a part of it is put in at run time, the file must have that
 * part among its literals: as a string, as the name of a member, or as a number.
 */
function hasTest(file: string, title: string): boolean {
  const text = textOf(file);
  const calls = text.matchAll(
    /\b(?:test|\w+Test)(?:\.serial)?\(\s*(?:'((?:[^'\\]|\\.)*)'|"([^"]*)"|`([^`]*)`)/g,
  );
  return [...calls].some(([, single, double, template]) => {
    if (template === undefined) return (single ?? double ?? '').replaceAll(/\\(.)/g, '$1') === title;
    const parts = template.split(/\$\{[^}]*\}/).map((part) => escaped(part));
    const values = new RegExp(`^${parts.join('(.+)')}$`).exec(title)?.slice(1);
    return values?.every((value) => /^\d+$/.test(value) || isLiteral(text, value)) === true;
  });
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');

function isLiteral(text: string, value: string): boolean {
  return text.includes(`'${value}'`) || new RegExp(`^\\s+'?${escaped(value)}'?:`, 'm').test(text);
}

test('every line of the tables is read', (t) => {
  const lines = model.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| attack |'));
  t.is(
    rows.length,
    lines.length,
    lines.find((line) => !rows.some(({ attack }) => line.startsWith(`| ${attack} |`))),
  );
  t.true(rows.length > 50);
  t.is(new Set(rows.map(({ attack }) => attack)).size, rows.length, 'one line an attack');
});

test('every test that the threat model names is there', (t) => {
  const missing = rows.filter(({ file, title }) => {
    return !existsSync(new URL(file, root)) || !hasTest(file, title);
  });
  t.deepEqual(
    missing.map(({ file, title }) => `${file}: ${title}`),
    [],
  );
});

test('every code by which trust refuses is in the threat model, and no code that there is not', (t) => {
  const named = new Set(rows.map(({ code }) => code));
  const codes = Object.keys(exitStatus);
  t.deepEqual(
    [...named].filter((code) => code !== '–' && !codes.includes(code)),
    [],
  );
  const refusals = codes.filter(
    (code) =>
      /^(TRUST|MANIFEST|CMS|CERT|CRL|SEAL|FLOOR)_/.test(code) ||
      ['NOT_COMPATIBLE', 'NOT_ELIGIBLE', 'DOWNGRADE_REFUSED', 'OVER_BUDGET', 'NO_SPACE'].includes(code),
  );
  t.deepEqual(
    refusals.filter((code) => !named.has(code)),
    [],
  );
});
