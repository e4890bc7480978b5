/** Charts with a row a tool: bars of bytes by kind, and dots on a logarithmic axis. */
import {
  aboveZero,
  baseOption,
  boxRows,
  bytesText,
  countText,
  escaped,
  figureAxis,
  swatch,
} from './chart-frame.js';

const ROW = 27;
const KINDS = ['data', 'index', 'metadata'];
/** Opacity by kind, as hexadecimal digits behind a colour. */
const SHADES = ['', '80', '38'];

/** Pixels that so many rows take. */
export function rowsHeight(rows) {
  return rows.length * ROW + 60;
}

/** Names of tools from the top, the own one in its colour. */
function toolAxis(rows, { ink, own, faint }) {
  const owns = new Set(rows.filter(({ mark }) => mark.own).map(({ mark }) => mark.name));
  return {
    type: 'category',
    inverse: true,
    data: rows.map(({ mark }) => mark.name),
    axisLabel: {
      color: ink,
      interval: 0,
      margin: 14,
      formatter: (name) => (owns.has(name) ? `{own|${name}}` : name),
      rich: { own: { color: own, fontWeight: 700 } },
    },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { show: true, lineStyle: { color: faint } },
  };
}

/** Room for the longest name at the left, and for a figure at the right. */
function grid(rows) {
  const longest = Math.max(...rows.map(({ mark }) => mark.name.length));
  return { left: 22 + longest * 7.2, right: 64, top: 8, bottom: 28 };
}

/** Bars stacked by kind, the total at their end. */
export function downloadBars(rows, look) {
  const series = KINDS.map((kind, at) => ({
    name: kind,
    type: 'bar',
    stack: 'all',
    barWidth: 15,
    data: rows.map(({ fetch, mark }) => ({
      value: fetch.kinds[at],
      itemStyle: { color: mark.colour + SHADES[at] },
    })),
    ...(at === KINDS.length - 1
      ? {
          label: {
            show: true,
            position: 'right',
            color: look.ink,
            formatter: ({ dataIndex }) => bytesText(rows[dataIndex].fetch.download[0]),
          },
        }
      : {}),
  }));
  return {
    ...baseOption(look, {
      trigger: 'axis',
      axisPointer: { type: 'shadow' },
      formatter: ([first]) => downloadBox(rows[first.dataIndex]),
    }),
    grid: grid(rows),
    xAxis: figureAxis(look, 'value', bytesText),
    yAxis: toolAxis(rows, look),
    series,
  };
}

function downloadBox({ fetch, mark }) {
  const kinds = KINDS.map((kind, at) => [kind, `${countText(fetch.kinds[at])} B`]);
  const [median, min, max] = fetch.download;
  const range = min === max ? [] : [['least – most', `${bytesText(min)} – ${bytesText(max)}`]];
  return boxRows(`${swatch(mark)} <small>${escaped(mark.title)}</small>`, [
    ...kinds,
    ['all', `${countText(median)} B`],
    ...range,
  ]);
}

/** A dot a tool at the median, a line from the least to the most. */
export function dots(rows, measure, format, least, look) {
  const at = (value) => aboveZero(value, least);
  const whiskers = rows
    .map(({ fetch, mark }) => ({ figures: fetch[measure], mark }))
    .filter(({ figures: [, min, max] }) => max > min)
    .map(({ figures: [, min, max], mark }) => [
      {
        coord: [at(min), mark.name],
        lineStyle: { color: mark.colour, width: 3, opacity: 0.45, type: 'solid' },
      },
      { coord: [at(max), mark.name] },
    ]);
  return {
    ...baseOption(look, {
      trigger: 'item',
      formatter: ({ dataIndex }) => dotBox(rows[dataIndex], measure, format),
    }),
    grid: grid(rows),
    xAxis: figureAxis(look, 'log', format),
    yAxis: toolAxis(rows, look),
    series: [
      {
        type: 'scatter',
        data: rows.map(({ fetch, mark }) => ({
          value: [at(fetch[measure][0]), mark.name],
          symbol: mark.symbol,
          symbolSize: mark.own ? 16 : 12,
          itemStyle: { color: mark.colour, opacity: 1 },
        })),
        label: {
          show: true,
          position: 'right',
          distance: 8,
          color: look.ink,
          formatter: ({ dataIndex }) => format(rows[dataIndex].fetch[measure][0]),
        },
        markLine: { silent: true, symbol: 'none', animation: false, label: { show: false }, data: whiskers },
      },
    ],
  };
}

function dotBox({ fetch, mark }, measure, format) {
  const [median, min, max] = fetch[measure];
  return boxRows(`${swatch(mark)} <small>${escaped(mark.title)}</small>`, [
    ['median', format(median)],
    ['exactly', median.toLocaleString('en-US', { maximumFractionDigits: 4 })],
    ['least – most', `${format(min)} – ${format(max)}`],
  ]);
}
