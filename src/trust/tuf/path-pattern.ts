/**
 * The patterns by which target paths are delegated (TUF 1.0, §4.5): shell-style, part by part. They are matched
 * in time bounded by the product of both lengths, since whoever may delegate may also write a hostile one.
 *
 * @module
 */

/**
 * True when `path` matches: `*` stands for any characters, `?` for one, `[abc]`, `[a-z]` and `[!abc]` for one of
 * a set, none of them for a `/`. Upper and lower case differ.
 */
export function matchesPattern(path: string, pattern: string): boolean {
  const [parts, patterns] = [path.split('/'), pattern.split('/')];
  return parts.length === patterns.length && parts.every((part, at) => matchesPart(part, patterns[at] ?? ''));
}

/** One character of the pattern: which ones it takes. */
type Token = '*' | ((character: string) => boolean);

function matchesPart(text: string, pattern: string): boolean {
  const characters = [...text];
  const tokens = tokensOf([...pattern]);
  let at = 0;
  let next = 0;
  // Where to go on when the last star has to take one more: earlier stars never need to.
  let star: { readonly token: number; at: number } | undefined;
  while (at < characters.length) {
    const token = tokens[next];
    if (token === '*') {
      next += 1;
      star = { token: next, at };
    } else if (token?.(characters[at] as string)) {
      at += 1;
      next += 1;
    } else if (star !== undefined) {
      star.at += 1;
      at = star.at;
      next = star.token;
    } else {
      return false;
    }
  }
  return tokens.slice(next).every((token) => token === '*');
}

function tokensOf(pattern: readonly string[]): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] as string;
    const end = character === '[' ? endOfSet(pattern, at) : -1;
    if (end > 0) {
      tokens.push(setOf(pattern.slice(at + 1, end)));
      at = end;
    } else if (character === '*') tokens.push('*');
    else if (character === '?') tokens.push(() => true);
    else tokens.push((found) => found === character);
  }
  return tokens;
}

/** A `]` that comes first belongs to the set; without an end the bracket stands for itself. */
function endOfSet(pattern: readonly string[], start: number): number {
  const first = start + (pattern[start + 1] === '!' ? 2 : 1);
  return pattern.indexOf(']', first + 1);
}

function setOf(inside: readonly string[]): (character: string) => boolean {
  const without = inside[0] === '!';
  const set = without ? inside.slice(1) : inside;
  const ranges: (readonly [from: number, to: number])[] = [];
  for (let at = 0; at < set.length; at += 1) {
    const isRange = set[at + 1] === '-' && at + 2 < set.length;
    ranges.push([codeOf(set[at]), codeOf(set[isRange ? at + 2 : at])]);
    if (isRange) at += 2;
  }
  return (character) => {
    const code = codeOf(character);
    return without !== ranges.some(([from, to]) => from <= code && code <= to);
  };
}

function codeOf(character: string | undefined): number {
  return character?.codePointAt(0) ?? -1;
}
