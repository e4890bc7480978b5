/** Puts the charts of what is chosen on the page. */
import { dots, downloadBars, rowsHeight } from './bar-charts.js';
import { bytesText, countText, draw, isNarrow, paper, secondsText } from './chart-frame.js';
import { finding, growthFinding, storedFinding } from './findings.js';
import { categoryLines, sizeLines } from './line-charts.js';
import { mainTools, toolMarks } from './tool-marks.js';

const data = JSON.parse(document.getElementById('data').textContent);
const select = (name) => document.getElementById(`choose-${name}`);
const boxes = [...document.querySelectorAll('input[name=tool]')];

function choose(names) {
  for (const box of boxes) box.checked = names.includes(box.value);
}

/** All that is drawn follows from these, and from the paper. */
function state() {
  return {
    pair: select('pair').value,
    link: select('link').value,
    scenario: select('scenario').value,
    row: select('row')?.value,
    log: document.getElementById('download-log').checked,
    shown: new Set(boxes.filter(({ checked }) => checked).map(({ value }) => value)),
  };
}

/** Fetches with the marks of their tools. */
function rowsWhere(marks, test) {
  return data.fetches.filter(test).map((fetch) => ({ fetch, mark: marks.get(fetch.tool) }));
}

/** Each section has tables of its own choice: a row of releases, growth where it was measured, else what is chosen. */
function showTables(now, growth) {
  const choices = { stored: { pair: now.row }, growth };
  for (const table of document.querySelectorAll('.exact')) {
    const choice = { ...now, ...choices[table.closest('section')?.id] };
    table.hidden = Object.entries(table.dataset).some(([name, value]) => choice[name] !== value);
  }
}

function aboutPair({ pair, link, scenario }) {
  const { standsFor, bytes } = data.pairs.find(({ name }) => name === pair);
  const sizes = bytes.slice(scenario === 'update' ? -2 : -1).map((size) => bytesText(size));
  const { title } = data.links.find(({ name }) => name === link);
  document.getElementById('about-pair').textContent =
    `${standsFor.replace(/\.$/, '')}: ${sizes.join(' → ')}, over ${title}.`;
}

function drawRows(now, marks, look) {
  const here = rowsWhere(
    marks,
    ({ pair, link, scenario }) => pair === now.pair && link === now.link && scenario === now.scenario,
  );
  const sorted = (measure) =>
    here
      .filter(({ mark }) => now.shown.has(mark.name))
      .sort((a, b) => a.fetch[measure][0] - b.fetch[measure][0]);
  const place = `${now.pair}, ${now.scenario}, ${now.link}`;
  const byDownload = sorted('download');
  const option = now.log ? dots(byDownload, 'download', bytesText, 1, look) : downloadBars(byDownload, look);
  draw('download', option, `Bytes downloaded by tool: ${place}`, rowsHeight(byDownload));
  finding('download', here, 'download', bytesText, data.reference);
  const measures = [
    ['requests', countText, 1, 'Requests'],
    ['memory', bytesText, 1000, 'Peak memory'],
    ['cpu', secondsText, 0.001, 'Processor seconds'],
  ];
  for (const [measure, format, least, title] of measures) {
    const rows = sorted(measure);
    draw(measure, dots(rows, measure, format, least, look), `${title} by tool: ${place}`, rowsHeight(rows));
    finding(measure, here, measure, format, data.reference);
  }
}

function drawTime(now, marks, look) {
  const here = rowsWhere(marks, ({ pair, scenario }) => pair === now.pair && scenario === now.scenario);
  const rows = [...marks.values()]
    .filter(({ name }) => now.shown.has(name) && here.some(({ fetch }) => fetch.tool === name))
    .map((mark) => {
      const at = (link) => here.find(({ fetch }) => fetch.tool === mark.name && fetch.link === link);
      return { mark, values: data.links.map(({ name }) => at(name)?.fetch.wall[0] ?? null) };
    });
  const axes = {
    type: 'log',
    format: secondsText,
    boundaryGap: data.links.length === 1,
    title: (index) => data.links[index].title,
  };
  const categories = data.links.map(({ title, label }) => {
    const [name, bandwidth, ...rest] = title.split(', ');
    return [name ?? label, bandwidth ?? '', rest.join(', ')].join('\n').trim();
  });
  const option = categoryLines(rows, categories, axes, look, isNarrow('time'));
  option.grid.bottom = 72;
  option.xAxis.axisLabel = {
    ...option.xAxis.axisLabel,
    lineHeight: 16,
    width: 130,
    overflow: 'break',
    interval: 0,
  };
  draw('time', option, `Seconds by link and tool: ${now.pair}, ${now.scenario}`, 520);
  const chosen = here.filter(({ fetch }) => fetch.link === now.link);
  const { label } = data.links.find(({ name }) => name === now.link);
  finding('time', chosen, 'wall', secondsText, data.reference, `Over ${label}, `);
}

const GROWTH = [
  ['growth-download', 'download', 'Download', bytesText],
  ['growth-requests', 'requests', 'Requests', countText],
  ['growth-memory', 'memory', 'Peak memory', bytesText],
  ['growth-time', 'wall', 'Time', secondsText],
];

/** Bytes of the images that grow, by the name of their pair. */
const sizes = new Map(
  data.pairs.filter(({ series }) => series === 'size').map(({ name, bytes }) => [name, bytes.at(-1)]),
);

function drawGrowth(now, { link, scenario }, marks, look) {
  const here = rowsWhere(
    marks,
    (fetch) => sizes.has(fetch.pair) && fetch.link === link && fetch.scenario === scenario,
  );
  const of = (name, measure) =>
    here
      .filter(({ fetch }) => fetch.tool === name)
      .map(({ fetch }) => [sizes.get(fetch.pair), fetch[measure][0]])
      .sort(([a], [b]) => a - b);
  const shown = [...marks.values()].filter(({ name }) => now.shown.has(name) && of(name, 'wall').length > 0);
  for (const [name, measure, title, format] of GROWTH) {
    const rows = shown.map((mark) => ({ mark, points: of(mark.name, measure) }));
    const label = `${title} by bytes of the image: ${scenario}, ${link}`;
    draw(name, sizeLines(rows, { title, format }, look, isNarrow(name)), label);
  }
  const over = data.links.find(({ name }) => name === link)?.label ?? link;
  growthFinding(of, [...marks.values()], data.reference, `${scenario} over ${over}`);
}

/** The chosen link and job if growth was measured there, else the first where it was: it rarely is on all. */
function growthPlace(now) {
  const measured = (link, scenario) =>
    data.fetches.some((one) => sizes.has(one.pair) && one.link === link && one.scenario === scenario);
  const links = [now.link, ...data.links.map(({ name }) => name)];
  const places = [now.scenario, 'update', 'install'].flatMap((scenario) =>
    links.map((link) => ({ link, scenario })),
  );
  return places.find(({ link, scenario }) => measured(link, scenario)) ?? {};
}

function drawStored(now, marks, look) {
  const here = data.stored.filter(({ pair }) => pair === now.row);
  const rows = here
    .filter(({ tool }) => now.shown.has(tool) && marks.has(tool))
    .map(({ tool, bytes }) => ({ mark: marks.get(tool), values: bytes }));
  const count = Math.max(...here.map(({ bytes }) => bytes.length));
  const releases = Array.from({ length: count }, (_, at) => String(at + 1));
  const axes = {
    type: 'value',
    format: bytesText,
    boundaryGap: false,
    title: (index) => `after release ${index + 1}`,
  };
  const option = categoryLines(rows, releases, axes, look, isNarrow('stored'));
  draw('stored', option, `Bytes on the server by release: ${now.row}`, 460);
  storedFinding(here, data.reference);
}

function drawAll() {
  const now = state();
  const look = paper();
  const marks = toolMarks(data.tools, data.reference, look.dark);
  for (const box of boxes) box.nextElementSibling.style.background = marks.get(box.value).colour;
  document.getElementById('tool-count').textContent = `${now.shown.size} of ${data.tools.length}`;
  const growth = growthPlace(now);
  showTables(now, growth);
  aboutPair(now);
  drawRows(now, marks, look);
  drawTime(now, marks, look);
  if (document.getElementById('growth') !== null) drawGrowth(now, growth, marks, look);
  if (document.getElementById('stored') !== null) drawStored(now, marks, look);
}

document.documentElement.classList.add('drawn');
choose(mainTools(data.tools, data.reference));
drawAll();
document.addEventListener('change', drawAll);
document.querySelector('form').addEventListener('submit', (event) => event.preventDefault());
document.getElementById('tools-all').addEventListener('click', () => {
  choose(data.tools.map(({ name }) => name));
  drawAll();
});
document.getElementById('tools-main').addEventListener('click', () => {
  choose(mainTools(data.tools, data.reference));
  drawAll();
});
for (const link of document.querySelectorAll('[data-choose]')) {
  link.addEventListener('click', () => {
    select('pair').value = link.dataset.choose;
    drawAll();
  });
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
