/**
 * The report as one HTML page that asks no network for anything: charting library, script, style, data and all
 * exact numbers are inside. Without JavaScript the numbers are still there.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { formatBytes } from '../../src/compare/figures.ts';
import { type BenchSummary, mostRounds } from '../../src/compare/summary.ts';
import { escapeHtml, scriptCode, scriptJson } from './escape-html.ts';
import {
  deviceTables,
  downloadTables,
  requestTables,
  sizeTables,
  storedTables,
  timeTables,
} from './exact-tables.ts';
import { overviewTable } from './overview.ts';
import { type PageData, pageData } from './page-data.ts';

/** In the order in which they need each other. */
const SCRIPTS = [
  'tool-marks.js',
  'end-labels.js',
  'chart-frame.js',
  'bar-charts.js',
  'line-charts.js',
  'findings.js',
  'page.js',
];

/** The whole page. */
export async function htmlReport(summary: BenchSummary): Promise<string> {
  const data = pageData(summary);
  const [style, library, ...scripts] = await Promise.all([
    readPart('page.css'),
    readFile(createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js'), 'utf8'),
    ...SCRIPTS.map(readPart),
  ]);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>What an update costs: silt and its peers</title>
<link rel="icon" href="data:,">
<style>
${style}</style>
</head>
<body>
${header(summary)}
<main>
${overview(summary)}
${toolbar(data)}
${charts(summary, data)}
</main>
${footer(summary)}
<script type="application/json" id="data">${scriptJson(data)}</script>
<script>${scriptCode(library)}</script>
<script type="module">
${scriptCode(joinModules(scripts))}</script>
</body>
</html>
`;
}

function readPart(name: string): Promise<string> {
  return readFile(new URL(`page/${name}`, import.meta.url), 'utf8');
}

/** One module of several: an inline script has no files to import from. Their top-level names must differ. */
function joinModules(modules: readonly string[]): string {
  return modules
    .map((code) => code.replaceAll(/^import [^;]*;\n/gm, '').replaceAll(/^export /gm, ''))
    .join('\n');
}

function header(summary: BenchSummary): string {
  const { machine, silt, started, fetches, pairs, tools } = summary;
  const rounds = mostRounds(summary);
  const measured = (key: 'pair' | 'tool'): number => new Set(fetches.map((one) => one[key])).size;
  const facts: readonly (readonly [string, string])[] = [
    [
      'Measured',
      `${started.slice(0, 10)}, ${rounds > 1 ? `medians of up to ${rounds} rounds` : 'one round'}`,
    ],
    ['silt', `${silt.version}${silt.commit === undefined ? '' : `, commit ${silt.commit.slice(0, 10)}`}`],
    ['Machine', `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}`],
    ['System', `${machine.system}, Node.js ${machine.node}`],
    [
      'Compared',
      `${measured('tool')} of ${tools.length} tools on ${measured('pair')} of ${pairs.length} pairs`,
    ],
  ];
  return `<header>
<p class="over">silt benchmarks</p>
<h1>What an update costs</h1>
<p class="lede">A device holds one release of an image and takes the next. This is what it downloads, how often it
asks, and what time, processor and memory that takes, by silt and by each of its peers, over the same lines.</p>
<dl class="facts">${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl>
<noscript><p class="notice">The charts need JavaScript. The exact numbers below each of them do not.</p></noscript>
</header>`;
}

function overview(summary: BenchSummary): string {
  const table = overviewTable(summary);
  if (table === '') return '';
  return `<section id="overview">
<h2>Every pair at a glance</h2>
<p>Bytes that an update downloads, as multiples of the least on that pair. The stronger the colour, the more. Choose a pair to see it below.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Download of every pair by every tool">${table}</div>
</section>`;
}

function toolbar({ pairs, links, scenarios, tools, chosen }: PageData): string {
  const names = { update: 'Update', install: 'First install' };
  const option = (value: string, text: string, now: string): string =>
    `<option value="${escapeHtml(value)}"${value === now ? ' selected' : ''}>${escapeHtml(text)}</option>`;
  const families = {
    chunks: 'from any state, by chunks',
    delta: 'from one release, by a patch',
    full: 'whole',
  };
  const boxes = Object.entries(families).map(([family, title]) => {
    const own = tools.filter((tool) => tool.family === family);
    const labels = own.map(
      ({ name, title: about }) =>
        `<label title="${escapeHtml(about)}"><input type="checkbox" name="tool" value="${escapeHtml(name)}"><i></i>${escapeHtml(name)}</label>`,
    );
    return own.length === 0 ? '' : `<fieldset><legend>${title}</legend>${labels.join('')}</fieldset>`;
  });
  return `<form id="pair" class="toolbar" autocomplete="off">
<div class="selects">
<label>Pair <select id="choose-pair">${pairs.map(({ name }) => option(name, name, chosen.pair)).join('')}</select></label>
<label>Link <select id="choose-link">${links.map(({ name, label }) => option(name, label, chosen.link)).join('')}</select></label>
<label>Job <select id="choose-scenario">${scenarios.map((name) => option(name, names[name], chosen.scenario)).join('')}</select></label>
<details class="tools"><summary>Tools <span id="tool-count"></span></summary><div class="boxes">
<p><button type="button" id="tools-main">one of each</button> <button type="button" id="tools-all">all</button></p>
${boxes.join('')}</div></details>
</div>
</form>
<p id="about-pair" aria-live="polite"></p>`;
}

function charts(summary: BenchSummary, data: PageData): string {
  const sections = [
    chart(
      'download',
      'How much is downloaded',
      'Bytes to the device: data in full colour, index paler, metadata palest. Shorter is better.',
      {
        tables: downloadTables(summary),
        controls: '<label class="switch"><input type="checkbox" id="download-log"> logarithmic</label>',
      },
    ),
    chart(
      'time',
      'How long it takes on a fast and on a slow line',
      'Seconds until the image is there and checked, from the fastest link to the slowest. Lower is better.',
      {
        tables: timeTables(summary),
      },
    ),
    chart(
      'requests',
      'How often the device asks',
      'HTTP requests. Each costs a round trip unless several are under way at once. Further left is better.',
      {
        tables: requestTables(summary),
      },
    ),
    `<div class="pair-of">${chart('memory', 'How much memory it takes', 'Peak memory of the device’s largest process. Further left is better.', {})}
${chart('cpu', 'How much work it is', 'Processor seconds on the device. Further left is better.', {})}</div>
${details(deviceTables(summary), 'Exact numbers of memory and processor time')}`,
    data.pairs.some(({ series }) => series === 'size')
      ? chart(
          'growth',
          'How it grows with the image',
          'The same kind of change in larger and larger images. Flatter is better.',
          {
            charts: ['growth-download', 'growth-requests', 'growth-memory', 'growth-time'],
            tables: sizeTables(summary),
          },
        )
      : '',
    data.stored.length > 0
      ? chart(
          'stored',
          'What the server keeps',
          'Bytes stored after each release. Delta tools store patches alone, from which nobody can install. Flatter is better.',
          {
            tables: storedTables(summary),
            controls: rowSelect(data),
          },
        )
      : '',
  ];
  return sections.join('\n');
}

function rowSelect({ stored }: PageData): string {
  const rows = [...new Set(stored.map(({ pair }) => pair))];
  const options = rows.map((name) => `<option>${escapeHtml(name)}</option>`);
  return `<label>Pair <select id="choose-row">${options.join('')}</select></label>`;
}

function chart(
  id: string,
  title: string,
  axis: string,
  parts: { readonly charts?: readonly string[]; readonly tables?: string; readonly controls?: string },
): string {
  const places = (parts.charts ?? [id]).map(
    (name) => `<div class="chart" id="chart-${name}" role="img"></div>`,
  );
  const drawn = places.length > 1 ? `<div class="grid">${places.join('')}</div>` : places.join('');
  return `<section id="${id}">
<div class="title"><h2>${title}</h2>${parts.controls ?? ''}</div>
<p>${axis}</p>
<p class="finding" id="finding-${id}"></p>
${drawn}
${parts.tables === undefined ? '' : details(parts.tables)}
</section>`;
}

function details(tables: string, title = 'Exact numbers'): string {
  return `<details class="numbers"><summary>${title}</summary>
${tables}</details>`;
}

function footer({ tools, skipped, reference }: BenchSummary): string {
  const versions = tools.filter(({ version }) => version !== '');
  const rows = versions.map(
    ({ name, title, version }) =>
      `<tr><th scope="row">${escapeHtml(name)}<td>${escapeHtml(title)}<td>${escapeHtml(version)}`,
  );
  const reasons = Map.groupBy(skipped, ({ tool, reason }) => `${tool}: ${reason}`);
  const gaps = [...reasons].map(([what, cells]) => {
    const pairs = [
      ...new Set(cells.map(({ pair, link }) => (link === undefined ? pair : `${pair} over ${link}`))),
    ];
    return `<li>${escapeHtml(what)} <small>(${escapeHtml(pairs.join(', '))})</small>`;
  });
  return `<footer>
<h2>How this was measured</h2>
<p>Every tool publishes both releases into a directory of its own. A static server offers it behind a line of the given
bandwidth, round-trip time and loss, and the tool’s own client rebuilds the image on the device’s side, which is compared
byte by byte. Tools run in turn, round by round; figures are medians, ratios to ${escapeHtml(reference)} compare runs of
the same round, and ranges are the least and the most of all rounds. Times hold for this machine; sizes and requests
for any.</p>
<h2>What is not fair, and why</h2>
<p>Delta tools need exactly the release before, on the device and on the server, and can neither install nor skip a
release with the patch that is counted here; chunk tools start from any state. Tools compress with settings of their
own. Some verify the finished image, some do not. <code>docs/guides/benchmarks.md</code> in the repository goes through
it peer by peer, and says how to run all this again.</p>
<details><summary>Tools and versions</summary><div class="scroll"><table><thead><tr><th scope="col">tool<th scope="col">what it is<th scope="col">version</thead>
<tbody>${rows.join('\n')}</tbody></table></div></details>
${gaps.length === 0 ? '' : `<details><summary>Not measured, and why</summary><ul>${gaps.join('\n')}</ul></details>`}
</footer>`;
}
