/** Charts with a line a tool, its name at the end of the line. */
import { baseOption, boxRows, figureAxis, imageText, swatch } from './chart-frame.js';

/** One line; `points` are values or pairs of them. */
function line(mark, points, look) {
  return {
    name: mark.name,
    type: 'line',
    data: points,
    connectNulls: true,
    showAllSymbol: true,
    symbol: mark.symbol,
    symbolSize: mark.own ? 10 : 7,
    z: mark.own ? 10 : 2,
    itemStyle: { color: mark.colour },
    lineStyle: { color: mark.colour, width: mark.own ? 3.5 : 1.8, type: mark.dash },
    endLabel: {
      show: true,
      distance: 8,
      // The dot tells whose it is where a name had to move away from its line.
      formatter: `{dot|●} ${mark.name}`,
      rich: { dot: { color: mark.colour, fontSize: 10 } },
      color: mark.own ? look.own : look.ink,
      fontWeight: mark.own ? 700 : 400,
      fontSize: 12,
    },
    emphasis: { focus: 'series' },
  };
}

/** The box at a place of the x axis: all tools there, the least first. */
function axisBox(title, points, marks, format) {
  const sorted = points
    .filter(({ value }) => value !== null && value !== undefined)
    .sort((a, b) => a.value - b.value);
  return boxRows(
    title,
    sorted.map(({ name, value }) => [swatch(marks.get(name)), format(value)]),
  );
}

function lineOption(look, narrow, axes, series, box) {
  return {
    ...baseOption(look, {
      trigger: 'axis',
      axisPointer: { type: 'line', lineStyle: { color: look.soft } },
      formatter: (found) => box(found),
    }),
    grid: { left: 62, right: narrow ? 96 : 104, top: axes.title ? 44 : 16, bottom: 28 },
    ...(axes.title
      ? { title: { text: axes.title, left: 4, top: 6, textStyle: { color: look.ink, fontSize: 14 } } }
      : {}),
    xAxis: {
      axisLabel: { color: look.soft },
      axisLine: { lineStyle: { color: look.line } },
      axisTick: { show: false },
      ...axes.x,
    },
    yAxis: axes.y,
    series,
  };
}

/** Categories along x, a value of each tool at each. `rows`: mark and values. */
export function categoryLines(rows, categories, { type, format, boundaryGap, title }, look, narrow) {
  const marks = new Map(rows.map(({ mark }) => [mark.name, mark]));
  const series = rows.map(({ mark, values }) => line(mark, values, look));
  const x = { type: 'category', data: categories, boundaryGap };
  return lineOption(look, narrow, { x, y: figureAxis(look, type, format) }, series, (found) =>
    axisBox(
      title(found[0].dataIndex),
      found.map(({ seriesName, value }) => ({ name: seriesName, value })),
      marks,
      format,
    ),
  );
}

/** Bytes of the image along x, in steps of four; both axes logarithmic. `rows`: mark and [bytes, value]s. */
export function sizeLines(rows, { title, format }, look, narrow) {
  const marks = new Map(rows.map(({ mark }) => [mark.name, mark]));
  const sizes = rows.flatMap(({ points }) => points.map(([bytes]) => bytes));
  const step = (bytes, round) => 4 ** round(Math.log(bytes) / Math.log(4));
  const x = {
    type: 'log',
    logBase: 4,
    // A little more than 4 GiB is no reason for an axis to 16.
    min: step(Math.min(...sizes) * 1.05, Math.floor),
    max: Math.max(step(Math.max(...sizes) * 0.95, Math.ceil), Math.max(...sizes)),
    axisLabel: { color: look.soft, hideOverlap: true, formatter: imageText },
    splitLine: { show: false },
  };
  const series = rows.map(({ mark, points }) => line(mark, points, look));
  return lineOption(look, narrow, { title, x, y: figureAxis(look, 'log', format) }, series, (found) =>
    axisBox(
      imageText(found[0].value[0]),
      found.map(({ seriesName, value }) => ({ name: seriesName, value: value[1] })),
      marks,
      format,
    ),
  );
}
