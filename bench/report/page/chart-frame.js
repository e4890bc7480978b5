/** What all charts have in common: paper, words for figures, axes, the box with the exact figures. */
import { NARROW, placeEndLabels } from './end-labels.js';

/** Colours of the page as they are now. */
export function paper() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: of('ink'),
    soft: of('soft'),
    line: of('line'),
    faint: of('faint'),
    card: of('card'),
    own: of('own'),
    font: style.fontFamily,
    dark: matchMedia('(prefers-color-scheme: dark)').matches,
  };
}

function threeDigits(value) {
  if (value >= 999.5) return Math.round(value).toLocaleString('en-US');
  return Number(value.toPrecision(3)).toFixed(Math.max(0, 3 - String(Math.trunc(value)).length));
}

/** `2.20 MB`; axes write `2 MB`. */
export function bytesText(bytes, round = false) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${round || unit === 0 ? Number(value.toPrecision(3)) : threeDigits(value)} ${units[unit]}`;
}

/** `16 MiB`: images grow by powers of two. */
export function imageText(bytes) {
  return bytes >= 2 ** 30 ? `${Math.round(bytes / 2 ** 30)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

export function secondsText(seconds, round = false) {
  if (round) return `${Number(seconds.toPrecision(3)).toLocaleString('en-US')} s`;
  return `${seconds < 1 ? seconds.toFixed(2) : threeDigits(seconds)} s`;
}

export function countText(count) {
  return count.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

export function escaped(text) {
  const span = document.createElement('span');
  span.textContent = text;
  return span.innerHTML;
}

/** Logarithms know no zero: a clock's or a counter's zero is drawn at the least it could have told. */
export function aboveZero(value, least) {
  return Math.max(value, least);
}

/** Font, tooltip and movement of every chart; `tooltip` is what is special about this one's. */
export function baseOption({ ink, line, card, font }, tooltip) {
  return {
    textStyle: { fontFamily: font, color: ink },
    animationDuration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 350,
    tooltip: {
      confine: true,
      backgroundColor: card,
      borderColor: line,
      textStyle: { color: ink, fontFamily: font, fontSize: 13 },
      extraCssText: 'max-width:20rem;white-space:normal;border-radius:10px;',
      ...tooltip,
    },
  };
}

/** An axis of figures. */
export function figureAxis({ soft, line }, type, format, name) {
  return {
    type,
    name,
    nameLocation: 'middle',
    nameGap: 30,
    nameTextStyle: { color: soft },
    axisLabel: { color: soft, hideOverlap: true, formatter: (value) => format(value, true) },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: line, opacity: 0.7 } },
    splitNumber: 4,
  };
}

/** Rows of a box: what, and its figure. */
export function boxRows(title, rows) {
  const drawn = rows.map(
    ([what, figure]) =>
      `<tr><td style="border:0;padding:1px 14px 1px 0;text-align:left">${what}</td><td style="border:0;padding:1px 0"><b>${escaped(figure)}</b></td></tr>`,
  );
  return `${title}<table style="margin-top:4px">${drawn.join('')}</table>`;
}

/** A dot of the tool's colour before its name. */
export function swatch({ colour, name }) {
  return `<i style="display:inline-block;width:9px;height:9px;border-radius:50%;margin-right:6px;background:${colour}"></i>${escaped(name)}`;
}

const drawn = new Map();

/** Draws into the element of this name, anew; `height` in pixels where the chart needs its own. */
export function draw(name, option, label, height) {
  const element = document.getElementById(`chart-${name}`);
  if (element === null) return;
  if (height !== undefined) element.style.height = `${height}px`;
  element.setAttribute('aria-label', label);
  let chart = drawn.get(name);
  if (chart === undefined) {
    chart = echarts.init(element, undefined, { renderer: 'svg' });
    drawn.set(name, chart);
    new ResizeObserver(() => {
      chart.resize();
      placeEndLabels(chart);
    }).observe(element);
  } else {
    chart.resize();
  }
  chart.setOption(option, { notMerge: true });
  placeEndLabels(chart);
}

/** True where a chart has the width of a phone. */
export function isNarrow(name) {
  return (document.getElementById(`chart-${name}`)?.clientWidth ?? 1000) < NARROW;
}
