/**
 * How a tool looks in every chart: a colour for each program, a symbol for each family, a dash for each variant
 * of the same program. The colours keep apart for colour-blind eyes and on light and dark paper; silt's is used
 * for nothing else.
 */

/** Colour on light and on dark paper. */
const COLOURS = {
  silt: ['#d9480f', '#ff8a4c'],
  casync: ['#3b3aa0', '#9d9cff'],
  desync: ['#2f7fc1', '#62b0f0'],
  bita: ['#1c9aa8', '#4fd0dc'],
  zchunk: ['#14866d', '#45c9a8'],
  zsync: ['#5d8a1f', '#a6d25f'],
  ostree: ['#8a7a13', '#d8c64f'],
  rdiff: ['#8c6d46', '#c9a77c'],
  xdelta3: ['#8e3f97', '#d58be0'],
  bsdiff: ['#8f1d4f', '#f08ab4'],
  'zstd-patch': ['#5b4b8a', '#b3a2ea'],
  hdiffz: ['#b0307f', '#f374c0'],
  full: ['#6b7280', '#9aa3b2'],
};
const OTHERS = ['#4d7c8a', '#7a5c58', '#55734f', '#6a5d8f'];
const SYMBOLS = { chunks: 'circle', delta: 'triangle', full: 'rect' };
const DASHES = ['solid', [6, 4], [2, 3], [10, 3, 2, 3]];

/** The program that a tool is a variant of: `casync` of `casync-16k`. */
export function programOf(name) {
  const known = Object.keys(COLOURS).filter((program) => name === program || name.startsWith(`${program}-`));
  return known.sort((a, b) => b.length - a.length)[0] ?? name;
}

/** Marks by name of tool, for the paper that is `dark` or not. */
export function toolMarks(tools, reference, dark) {
  const variants = new Map();
  return new Map(
    tools.map(({ name, title, family }, at) => {
      const program = programOf(name);
      const variant = variants.get(program) ?? 0;
      variants.set(program, variant + 1);
      const own = program === programOf(reference);
      const colour = COLOURS[program]?.[dark ? 1 : 0] ?? OTHERS[at % OTHERS.length];
      const dash = DASHES[variant % DASHES.length];
      return [name, { name, title, family, colour, dash, own, symbol: SYMBOLS[family] }];
    }),
  );
}

/** One variant of each program, and all of the reference's: what the page shows at first. */
export function mainTools(tools, reference) {
  const seen = new Set();
  return tools
    .filter(({ name }) => {
      const program = programOf(name);
      const first = !seen.has(program);
      seen.add(program);
      return first || program === programOf(reference);
    })
    .map(({ name }) => name);
}
