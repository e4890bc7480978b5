/** Names at the ends of lines, moved up and down until none covers another. */

const GAP = 15;

/** Pixels below which a chart is as wide as a phone. */
export const NARROW = 480;

/** Places as near to the wanted ones as they can be with a gap between each two; `wanted` ascends. */
export function spread(wanted, least, most) {
  const groups = [];
  for (const place of wanted) {
    groups.push({ start: place, count: 1 });
    // What overlaps is one group, around the middle of what its members wanted.
    while (groups.length > 1) {
      const [upper, lower] = groups.slice(-2);
      if (upper.start + upper.count * GAP <= lower.start) break;
      const count = upper.count + lower.count;
      const start = (upper.start * upper.count + (lower.start - upper.count * GAP) * lower.count) / count;
      groups.splice(-2, 2, { start, count });
    }
  }
  const places = groups.flatMap(({ start, count }) => {
    const from = Math.max(least, Math.min(start, most - (count - 1) * GAP));
    return Array.from({ length: count }, (_, at) => from + at * GAP);
  });
  // Groups pushed back from the edges may have met.
  for (let at = 1; at < places.length; at += 1) places[at] = Math.max(places[at], places[at - 1] + GAP);
  for (let at = places.length - 1, room = most; at >= 0; at -= 1, room -= GAP)
    places[at] = Math.min(places[at], room);
  return places;
}

/** Moves the end labels of a line chart that is drawn. */
export function placeEndLabels(chart) {
  const { series, grid } = chart.getOption();
  const ends = series.flatMap(({ type, data }, index) => {
    const last = data.findLastIndex((value) => value !== null);
    if (type !== 'line' || last < 0) return [];
    const point = Array.isArray(data[last]) ? data[last] : [last, data[last]];
    const [x, y] = chart.convertToPixel({ seriesIndex: index }, point);
    return [{ index, x: Math.round(x), y }];
  });
  const labels = series.map(() => ({ show: true, offset: [0, 0] }));
  // On a phone there is room behind the last place only.
  const lastColumn = Math.max(...ends.map(({ x }) => x));
  const narrow = chart.getWidth() < NARROW;
  for (const column of Map.groupBy(ends, ({ x }) => x).values()) {
    const sorted = column.toSorted((a, b) => a.y - b.y);
    const places = spread(
      sorted.map(({ y }) => y),
      8,
      chart.getHeight() - grid[0].bottom - 8,
    );
    sorted.forEach(({ index, y }, at) => {
      labels[index] = { show: !narrow || sorted[at].x === lastColumn, offset: [0, places[at] - y] };
    });
  }
  if (ends.length > 0) chart.setOption({ series: labels.map((endLabel) => ({ endLabel })) });
}
