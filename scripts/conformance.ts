/**
 * The TUF conformance cases, `npm run conformance`: runs them, prints what holds by clause of the
 * specification, and ends with "TUF conformance: N of N cases pass". Fails when a case fails, is skipped or has
 * no counterpart among ours.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { alignRows } from '../src/cli/align-rows.ts';
import { conformanceCases } from '../test/support/conformance-cases.ts';

interface Clause {
  passed: number;
  readonly failed: string[];
}

const ava = fileURLToPath(new URL('../node_modules/ava/entrypoints/cli.js', import.meta.url));
const project = fileURLToPath(new URL('..', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const child = spawn(process.execPath, [ava, '--tap', 'test/trust/tuf/conformance-*.test.ts'], {
  cwd: project,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(child, 'close');
const clauses = new Map<string, Clause>();
const held = new Set<string>();
let others = 0;
for await (const line of createInterface(child.stdout)) {
  // TAP: "ok 1 - title", "not ok 2 - title", either with "# SKIP" at its end; other # are escaped.
  const [, not, escaped = ''] = /^(not )?ok \d+ - (.*)$/.exec(line) ?? [];
  const title = escaped.replaceAll('\\#', '#');
  const [, number, name] = /TUF ([\d.]+): .*?(?:\((test_.+)\))?(?: # (?:SKIP|TODO).*)?$/.exec(title) ?? [];
  if (number === undefined) continue;
  const clause = clauses.get(number) ?? { passed: 0, failed: [] };
  clauses.set(number, clause);
  const passed = not === undefined && !title.endsWith('# SKIP');
  if (passed) clause.passed += 1;
  else clause.failed.push(title);
  if (name === undefined) others += 1;
  else if (passed) held.add(name);
}
const [status] = (await ended) as [number | null];

const numeric = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
const sorted = [...clauses].sort(([a], [b]) => numeric(a, b));
const rows = sorted.map(([number, { passed, failed }]) => [
  `TUF ${number}`,
  `${passed} passed`,
  failed.length === 0 ? '' : `${failed.length} failed`,
]);
for (const line of alignRows(rows)) say(line.trimEnd());
for (const title of sorted.flatMap(([, { failed }]) => failed)) say(`failed: ${title}`);
const missing = conformanceCases.filter((name) => !held.has(name));
for (const name of missing) say(`does not hold: ${name}`);
say(`and ${others} cases of our own`);
say(`TUF conformance: ${conformanceCases.length - missing.length} of ${conformanceCases.length} cases pass`);
if (status !== 0 || missing.length > 0) process.exitCode = 1;
