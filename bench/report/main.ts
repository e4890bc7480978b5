/**
 * The reports of a benchmark, all from its one result file.
 *
 *     npm run bench:report                                    the newest result, as tables
 *     npm run bench:report -- RESULT.json --link 3g           one result; bytes and CPU of the 3G rows
 *     npm run bench:report -- --html report.html              a page with charts
 *     npm run bench:report -- --markdown docs/benchmarks-results.md --readme table.md
 *
 * @module
 */
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readResult } from '../../src/compare/result-file.ts';
import { type BenchSummary, summarise } from '../../src/compare/summary.ts';
import { terminalReport } from '../../src/compare/tables.ts';
import { isSiltError, SiltError } from '../../src/core/errors.ts';
import { makeDirectory, replaceFile } from '../../src/io/atomic.ts';
import { htmlReport } from './html.ts';
import { inOrder } from './in-order.ts';
import { markdownReport, readmeMarkdown } from './markdown.ts';

/** Where `bench/run.ts` leaves its result. */
const NEWEST = join(homedir(), '.cache', 'silt-bench', 'result.json');

const WRITERS: Readonly<Record<string, (summary: BenchSummary) => string | Promise<string>>> = {
  html: htmlReport,
  markdown: markdownReport,
  readme: readmeMarkdown,
};

try {
  await report(process.argv.slice(2));
} catch (error) {
  if (!isSiltError(error) && !isUsage(error)) throw error;
  console.error(`bench:report: ${error.message}`);
  process.exitCode = 1;
}

async function report(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      html: { type: 'string' },
      markdown: { type: 'string' },
      readme: { type: 'string' },
      link: { type: 'string' },
      reference: { type: 'string', default: 'silt' },
    },
  });
  const [path = NEWEST, more] = positionals;
  if (more !== undefined) throw new SiltError('USAGE', `expected one result file, found "${more}" as well`);
  const found = await readResult(path);
  if (found === undefined) {
    throw new SiltError(
      'USAGE',
      `expected a benchmark result at ${path}, found none; npm run bench:run makes one`,
    );
  }
  const result = inOrder(found);
  const { reference, link } = values;
  // Before it is too late: a wrong name would only leave columns empty.
  known('tool', reference, result.tools);
  if (link !== undefined) known('link', link, result.links);
  const summary = summarise(result, reference);
  const wanted = Object.entries(WRITERS).flatMap(([name, write]) => {
    const to = values[name as 'html' | 'markdown' | 'readme'];
    return to === undefined ? [] : [{ to: resolve(to), write }];
  });
  for (const { to, write } of wanted) {
    const text = await write(summary);
    await makeDirectory(dirname(to));
    await replaceFile(to, Buffer.from(text));
    console.error(`wrote ${to}`);
  }
  if (wanted.length > 0) return;
  for (const line of terminalReport(result, link === undefined ? {} : { link })) console.log(line);
}

function known(what: string, name: string, all: readonly { readonly name: string }[]): void {
  if (all.some((one) => one.name === name)) return;
  const names = all.map((one) => one.name).join(', ');
  throw new SiltError('USAGE', `expected a ${what} of this result (${names}), found "${name}"`);
}

/** What parseArgs throws. */
function isUsage(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
