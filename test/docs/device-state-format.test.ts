/** The page about the journal has the members and phases of the journal. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { deviceStateSchema, PHASES } from '../../src/device/update/device-state.ts';

const page = readFileSync(new URL('../../docs/format/device-state.md', import.meta.url), 'utf8');

/** What a schema of valibot has inside, as far as the state uses it. */
interface Schema {
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly wrapped?: Schema;
  readonly item?: Schema;
  readonly value?: Schema;
  readonly type: string;
}

function members(schema: Schema, name: string): string[] {
  const { entries, wrapped, item, value, type } = schema;
  if (wrapped !== undefined) return members(wrapped, name);
  if (item !== undefined) return members(item, `${name}[]`);
  if (type === 'record' && value !== undefined) return members(value, `${name}.*`);
  return Object.entries(entries ?? {}).flatMap(([key, inside]) => {
    const path = name === '' ? key : `${name}.${key}`;
    return [path, ...members(inside, path)];
  });
}

test('every member of the journal is in the table, in order, and no other', (t) => {
  const found = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
  const all = members(deviceStateSchema as unknown as Schema, '');
  t.true(all.length > 60);
  t.deepEqual(found, all);
});

test('optional members are told from those that are always there', (t) => {
  const optional = [...page.matchAll(/^\| `([^`]+)` \| ([^|]*) \|/gm)]
    .filter(([, name, type]) => !name?.includes('.') && type?.includes('optional'))
    .map(([, name]) => name);
  const entries = Object.entries(deviceStateSchema.entries as Readonly<Record<string, Schema>>);
  t.deepEqual(
    optional,
    entries.filter(([, { type }]) => type === 'optional').map(([name]) => name),
  );
});

test('the page has the phases, in order', (t) => {
  const section = page.slice(page.indexOf('\n## Phases'));
  t.deepEqual(
    [...section.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    [...PHASES],
  );
});
