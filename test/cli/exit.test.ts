import { readFileSync } from 'node:fs';
import test from 'ava';
import { exitOf, exitStatus } from '../../src/cli/exit.ts';
import { SiltError } from '../../src/core/errors.ts';

const errors = readFileSync(new URL('../../src/core/errors.ts', import.meta.url), 'utf8');
const guide = readFileSync(new URL('../../docs/guides/exit-codes.md', import.meta.url), 'utf8');
const declared = [...errors.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map((match) => match[1] as string);

test('every error code has an exit status, and nothing else has', (t) => {
  t.true(declared.length > 15);
  t.deepEqual(Object.keys(exitStatus).sort(), [...declared].sort());
});

test('the guide names every error code with its exit status', (t) => {
  const documented = [...guide.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)].map((match) => [
    match[1],
    Number(match[2]),
  ]);
  t.deepEqual(Object.fromEntries(documented), { ...exitStatus });
});

test('an error without a code is a failure', (t) => {
  t.is(exitOf(new Error('what?')), 1);
  t.is(exitOf(new SiltError('OVER_BUDGET', 'too much')), 17);
});
