/** A sentence above each chart that says where the reference stands, good or bad. */
import { bytesText } from './chart-frame.js';
import { programOf } from './tool-marks.js';

const KINDRED = { chunks: 'tools that start from any state', delta: 'delta tools', full: 'whole images' };

/** The words go in as text; every second one is set off. */
function write(id, ...words) {
  const place = document.getElementById(`finding-${id}`);
  place.replaceChildren(
    ...words.map((text, at) => {
      if (at % 2 === 0) return document.createTextNode(text);
      const bold = document.createElement('b');
      bold.textContent = text;
      return bold;
    }),
  );
}

/** The reference, or a variant of it where that alone was measured. */
function ownOf(names, reference) {
  if (names.includes(reference)) return reference;
  return names.find((name) => programOf(name) === programOf(reference));
}

/** `its time 12 times`, `its memory not at all`. */
function growing(what, ratio) {
  return `${what} ${ratio < 1.05 ? 'not at all' : times(ratio)}`;
}

function times(ratio) {
  return `${ratio >= 100 ? Math.round(ratio).toLocaleString('en-US') : Number(ratio.toPrecision(2))} times`;
}

/** Where the reference stands among all tools that were measured there, shown or not. */
export function finding(id, rows, measure, format, reference, where = '') {
  const sorted = rows.toSorted((a, b) => a.fetch[measure][0] - b.fetch[measure][0]);
  const name = ownOf(
    sorted.map(({ mark }) => mark.name),
    reference,
  );
  const own = sorted.find(({ mark }) => mark.name === name);
  if (own === undefined) return write(id, sorted.length === 0 ? 'Not measured.' : '');
  const value = ({ fetch }) => fetch[measure][0];
  const others = sorted.filter((row) => row !== own);
  const [best] = others;
  if (best === undefined) return write(id, where, name, `: ${format(value(own))}.`);
  const least = value(own) <= value(best);
  const place = sorted.filter((row) => value(row) < value(own)).length + 1;
  const ratio =
    value(best) > 0 && value(own) > value(best) ? `, ${times(value(own) / value(best))} the least` : '';
  const peers = others.filter(({ mark }) => mark.family === own.mark.family && !mark.own);
  const [peer] = peers;
  const amongPeers =
    peer === undefined || peer === best
      ? ''
      : ` Of the other ${KINDRED[own.mark.family]}, ${peer.mark.name} has the least: ${format(value(peer))}.`;
  write(
    id,
    where,
    name,
    least
      ? `: ${format(value(own))}, the least of ${sorted.length}; the next is ${best.mark.name}, ${format(value(best))}.`
      : `: ${format(value(own))}, place ${place} of ${sorted.length}${ratio} (${best.mark.name}, ${format(value(best))}).${amongPeers}`,
  );
}

/** By how much the reference grows while the image does. */
export function growthFinding(pointsOf, marks, reference, where) {
  const measured = marks.map(({ name }) => name).filter((name) => pointsOf(name, 'wall').length > 1);
  const name = ownOf(measured, reference);
  if (name === undefined) return write('growth', '');
  const growth = (measure) => {
    const points = pointsOf(name, measure);
    return points.at(-1)[1] / points[0][1];
  };
  const sizes = pointsOf(name, 'wall').map(([bytes]) => bytes);
  write(
    'growth',
    `While the image grows ${times(sizes.at(-1) / sizes[0])} (${where}), the download of `,
    name,
    ` ${growing('grows', growth('download'))}, ${growing('its requests', growth('requests'))}, ${growing('its time', growth('wall'))} and ${growing('its memory', growth('memory'))}.`,
  );
}

/** What the reference stores after the first and the last release. */
export function storedFinding(rows, reference) {
  const name = ownOf(
    rows.map(({ tool }) => tool),
    reference,
  );
  const own = rows.find(({ tool }) => tool === name);
  if (own === undefined) return write('stored', '');
  const [first] = own.bytes;
  const last = own.bytes.at(-1);
  write(
    'stored',
    '',
    name,
    `: ${bytesText(first)} after one release, ${bytesText(last)} after ${own.bytes.length}, ${times(last / first)} as much.`,
  );
}
