/** The report's page as people see it: in a browser without a network. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { htmlReport } from '../../bench/report/html.ts';
import { formatBytes, formatCount } from '../../src/compare/figures.ts';
import type { BenchResult, FetchPlace } from '../../src/compare/result.ts';
import { fetchAt, summarise } from '../../src/compare/summary.ts';
import { findChromium } from '../support/find-chromium.ts';
import { sampleBenchResult } from '../support/sample-bench-result.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const program = findChromium(process.env);
const result = sampleBenchResult();
const summary = summarise(result);
const CHARTS = [
  'download',
  'time',
  'requests',
  'memory',
  'cpu',
  'growth-download',
  'growth-requests',
  'growth-memory',
  'growth-time',
  'stored',
];

/** Of a machine that does other things as well, in milliseconds. */
const PATIENCE = 90_000;

let browser: Browser | undefined;

test.before(async () => {
  if (program === undefined) return;
  browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
});

test.after.always(async () => {
  await browser?.close();
});

// Absent here is worth a note, absent in CI is a failure. One page at a time: drawing takes all of a small machine.
const inBrowser = program === undefined ? test.serial.skip : test.serial;

if (program === undefined) {
  test('there is a Chromium to look at the page with', (t) => {
    t.log('no Chromium found, the page is not looked at; scripts/provision-chromium.sh installs one');
    t.is(process.env.CI, undefined);
  });
}

interface Opened {
  readonly page: Page;
  /** Errors, warnings and requests beyond the page itself. */
  readonly problems: readonly string[];
}

async function open(
  t: ExecutionContext<unknown>,
  options: BrowserContextOptions = {},
  from: BenchResult = result,
): Promise<Opened> {
  if (browser === undefined) throw new Error('there is no browser');
  const path = join(await temporaryDirectory(t), 'report.html');
  await writeFile(path, await htmlReport(summarise(from)));
  const url = pathToFileURL(path).href;
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  t.teardown(() => context.close());
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => problems.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    const asked = request.url();
    if (asked !== url && !asked.startsWith('data:')) problems.push(`asked for ${asked}`);
  });
  await page.goto(url);
  return { page, problems };
}

/** Waits until the chart has this text in it. */
async function waitForText(page: Page, chart: string, text: string): Promise<void> {
  await page.locator(`#chart-${chart} svg text`, { hasText: text }).first().waitFor({ state: 'attached' });
}

function downloadAt(place: FetchPlace): number {
  return fetchAt(summary, place)?.download.median ?? Number.NaN;
}

/** The rows of the table that is to be seen, or would be if opened. */
function tableRows(page: Page, section: string): Promise<string[][]> {
  return page
    .locator(`#${section} .exact:not([hidden]) tbody tr`)
    .evaluateAll((rows) =>
      rows.map((row) => [...row.children].map((cell) => (cell.textContent ?? '').trim())),
    );
}

inBrowser('every chart is drawn, without an error, a warning or a request', async (t) => {
  const { page, problems } = await open(t);
  for (const chart of CHARTS) {
    const svg = page.locator(`#chart-${chart} svg`);
    const box = await svg.boundingBox();
    t.true((box?.width ?? 0) > 250 && (box?.height ?? 0) > 200, `${chart}: ${JSON.stringify(box)}`);
    // The marks themselves, not the axes alone: each tool that is shown has its colour somewhere.
    const marks = await svg.locator('path[fill="#d9480f"], path[stroke="#d9480f"]').count();
    t.true(marks > 0, chart);
    t.regex((await page.locator(`#chart-${chart}`).getAttribute('aria-label')) ?? '', / by /);
  }
  t.deepEqual(problems, []);
});

inBrowser('growth is shown for the line it was measured on, whichever is chosen', async (t) => {
  const growing = new Set(result.pairs.filter(({ series }) => series === 'size').map(({ name }) => name));
  const fetches = result.fetches.filter(({ pair, link }) => !growing.has(pair) || link === 'lan');
  const { page, problems } = await open(t, {}, { ...result, fetches });
  await page.selectOption('#choose-link', '3g');
  await page.locator('#growth', { hasText: /\(update over LAN\)/ }).waitFor();
  for (const chart of CHARTS.filter((name) => name.startsWith('growth-'))) {
    const marks = await page.locator(`#chart-${chart} svg path[stroke="#d9480f"]`).count();
    t.true(marks > 0, chart);
  }
  const shown = (await tableRows(page, 'growth')).map(([name]) => name);
  t.true(shown.length > 0 && shown.every((name) => growing.has(name?.split(',')[0] ?? '')), shown.join('; '));
  t.deepEqual(problems, []);
});

inBrowser('another pair, link and job are drawn when they are chosen', async (t) => {
  const { page, problems } = await open(t);
  const first = { pair: 'node24', tool: 'silt', link: 'lte', scenario: 'update' } as const;
  await waitForText(page, 'download', formatBytes(downloadAt(first)));
  const finding = page.locator('#finding-time');
  t.regex(await finding.innerText(), /^Over LTE, silt/);

  await page.selectOption('#choose-pair', 'ext4');
  await waitForText(page, 'download', formatBytes(downloadAt({ ...first, pair: 'ext4' })));
  t.regex(await page.locator('#about-pair').innerText(), /Debian root filesystem.*944 MB.*LTE/);

  await page.selectOption('#choose-link', '3g');
  await page.locator('#finding-time', { hasText: 'Over 3G, silt' }).waitFor();

  await page.selectOption('#choose-scenario', 'install');
  await waitForText(
    page,
    'download',
    formatBytes(downloadAt({ ...first, pair: 'ext4', scenario: 'install' })),
  );
  t.is(await page.locator('#chart-download svg text', { hasText: 'xdelta3' }).count(), 0);
  t.deepEqual(problems, []);
});

inBrowser('the tables have the exact numbers of what is chosen, and of that alone', async (t) => {
  const { page } = await open(t);
  await page.selectOption('#choose-pair', 'kernel');
  await page.selectOption('#choose-link', 'lan');
  t.deepEqual(await page.locator('#download .exact:not([hidden]) caption').allTextContents(), [
    'kernel, lan, update',
  ]);
  const rows = await tableRows(page, 'download');
  const expected = summary.fetches
    .filter(({ pair, link, scenario }) => pair === 'kernel' && link === 'lan' && scenario === 'update')
    .toSorted((a, b) => a.download.median - b.download.median)
    .map(({ tool, bytes, download }) => [
      tool,
      ...[bytes.data, bytes.index, bytes.metadata, download].map(({ median }) => formatCount(median)),
    ]);
  t.true(expected.length > 10);
  t.deepEqual(
    rows.map((row) => row.slice(0, 5)),
    expected,
  );
  const times = await tableRows(page, 'time');
  const silt = times.find(([tool]) => tool === 'silt') ?? [];
  const at = (link: string) =>
    fetchAt(summary, { pair: 'kernel', tool: 'silt', link, scenario: 'update' })?.wallSeconds.median.toFixed(
      3,
    );
  t.deepEqual([silt[1], silt[4], silt[7]], [at('lan'), at('lte'), at('3g')]);
  const stored = await tableRows(page, 'stored');
  const last = summary.publishes.find(({ pair, tool }) => pair === 'app-row' && tool === 'silt')?.last;
  t.is(stored.find(([tool]) => tool === 'silt')?.at(-1), formatCount(last?.storedBytes ?? 0));
});

inBrowser('tools can be left out and taken in', async (t) => {
  const { page } = await open(t);
  const names = page.locator('#chart-download svg text');
  t.is(await names.getByText('casync-16k', { exact: true }).count(), 0);
  await page.locator('.tools summary').click();
  await page.getByRole('button', { name: 'all' }).click();
  await waitForText(page, 'download', 'casync-16k');
  await page.getByRole('checkbox', { name: 'zsync' }).uncheck();
  await names.getByText('zsync', { exact: true }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'one of each' }).click();
  await waitForText(page, 'download', 'zsync');
});

inBrowser('a logarithmic axis shows the same figures', async (t) => {
  const { page, problems } = await open(t);
  const place = { pair: 'node24', tool: 'zsync', link: 'lte', scenario: 'update' } as const;
  await page.locator('#download-log').check();
  await waitForText(page, 'download', formatBytes(downloadAt(place)));
  await waitForText(page, 'download', '100 MB');
  t.deepEqual(problems, []);
});

inBrowser('a pair of the overview is chosen by a click', async (t) => {
  const { page } = await open(t);
  t.is(await page.locator('#overview tbody tr').count(), result.pairs.length);
  await page.locator('#overview a', { hasText: 'erofs' }).click();
  t.is(await page.locator('#choose-pair').inputValue(), 'erofs');
  const erofs = { pair: 'erofs', tool: 'silt', link: 'lte', scenario: 'update' } as const;
  await waitForText(page, 'download', formatBytes(downloadAt(erofs)));
});

inBrowser('the overview marks the least of each pair', async (t) => {
  const { page } = await open(t);
  for (const row of await page.locator('#overview tbody tr').all()) {
    t.is(await row.locator('td.best').count(), 1);
    t.is(await row.locator('td.best').innerText(), 'best');
  }
});

inBrowser('on a phone nothing is wider than the screen', async (t) => {
  const { page, problems } = await open(t, { viewport: { width: 390, height: 844 }, hasTouch: true });
  for (const details of await page.locator('details').all()) {
    await details.evaluate((element) => element.setAttribute('open', ''));
  }
  const { width } = (await page.locator('html').boundingBox()) ?? { width: 0 };
  t.is(width, 390);
  t.is(await page.evaluate<number>('document.documentElement.scrollWidth'), 390);
  for (const chart of CHARTS) {
    const box = await page.locator(`#chart-${chart} svg`).boundingBox();
    t.true((box?.x ?? -1) >= 0 && (box?.x ?? 0) + (box?.width ?? 999) <= 390, chart);
  }
  t.deepEqual(problems, []);
});

inBrowser(
  'paper, ink and tools have other colours in the dark, also when it falls while one reads',
  async (t) => {
    const { page, problems } = await open(t, { colorScheme: 'light' });
    const colours = async (): Promise<string[]> => [
      await page
        .locator('body')
        .evaluate((body) => body.ownerDocument.defaultView?.getComputedStyle(body).backgroundColor ?? ''),
      await page
        .locator('body')
        .evaluate((body) => body.ownerDocument.defaultView?.getComputedStyle(body).color ?? ''),
      (await page.locator('#chart-download svg text', { hasText: 'MB' }).first().getAttribute('fill')) ?? '',
    ];
    const light = await colours();
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.locator('#chart-download svg path[fill="#ff8a4c"]').first().waitFor({ state: 'attached' });
    const dark = await colours();
    light.forEach((colour, at) => {
      t.not(colour, dark[at]);
    });
    t.deepEqual(problems, []);
  },
);

inBrowser('without JavaScript the numbers of every pair are there', async (t) => {
  const { page } = await open(t, { javaScriptEnabled: false });
  t.true(await page.locator('noscript .notice').isVisible());
  t.false(await page.locator('.toolbar').isVisible());
  t.true(await page.locator('#overview table').isVisible());
  await page.locator('#download summary').click();
  const tables = page.locator('#download .exact');
  const places = new Set(summary.fetches.map(({ pair, link, scenario }) => `${pair} ${link} ${scenario}`));
  t.is(await tables.count(), places.size);
  t.true(await tables.last().isVisible());
});

inBrowser('a result of one pair and one link makes a whole page', async (t) => {
  const small = sampleBenchResult(['firmware']);
  const fetches = small.fetches.filter(
    ({ link, scenario, tool }) => link === 'lan' && scenario === 'update' && tool !== 'silt',
  );
  const { page, problems } = await open(t, {}, { ...small, fetches });
  await waitForText(page, 'time', 'silt-fast');
  t.is(await page.locator('#growth, #stored').count(), 0);
  t.deepEqual(problems, []);
});

inBrowser('names and reasons are text, whatever they hold', async (t) => {
  const hostile = '</script><img src="https://attacker.example/x"><b title=\'"';
  const small = sampleBenchResult(['firmware', 'app-row']);
  const rename = <T extends { readonly tool: string }>(cell: T): T =>
    cell.tool === 'zsync' ? { ...cell, tool: hostile } : cell;
  const { page, problems } = await open(
    t,
    {},
    {
      ...small,
      pairs: small.pairs.map((pair) => ({ ...pair, standsFor: hostile })),
      tools: small.tools.map((tool) =>
        tool.name === 'zsync' ? { ...tool, name: hostile, title: hostile } : tool,
      ),
      fetches: small.fetches.map(rename),
      publishes: small.publishes.map(rename),
      skipped: small.skipped.map((cell) => ({ ...cell, reason: hostile })),
    },
  );
  await waitForText(page, 'download', 'attacker.example');
  const bar = page.locator('#chart-download svg');
  const box = await bar.boundingBox();
  await bar.hover({ position: { x: (box?.width ?? 0) / 2, y: (box?.height ?? 0) / 2 } });
  t.is(await page.locator('img').count(), 0);
  t.deepEqual(problems, []);
});
