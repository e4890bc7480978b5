/**
 * Kinds of single values: names, counts, sizes, paths, commands. Texts are read by what is expected
 * of them, so a version that looks like a number stays as it was written.
 *
 * @module
 */
import { isAbsolute, join, normalize } from 'node:path';
import { formatSize, parseSize } from '../../core/sizes.ts';
import { NAME_PATTERN } from '../../format/manifest.ts';
import { isNothing, type Kind, type Reading, refuse } from './kind.ts';
import { nearestName } from './nearest-name.ts';
import { listNames, listOf } from './shapes.ts';

/** Longest path, as PATH_MAX of Linux has it. */
const MAX_PATH = 4095;
/** Longest argument of a command. */
const MAX_ARGUMENT = 4096;
const MAX_ARGUMENTS = 64;
/** No text has control characters: they would spoil terminals, logs and the files of boot loaders. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** What a text means to a kind; `undefined` where it means nothing. */
type Meaning<T> = (text: string, reading: Reading) => T | undefined;

/** A single value that `meaning` understands. */
export function textKind<T>(
  expected: string,
  meaning: Meaning<T>,
  hint?: (text: string) => string | undefined,
) {
  return {
    expected,
    read(value, reading, member) {
      if (value.type !== 'text' || isNothing(value)) return refuse(reading, value, member, expected);
      const read = CONTROL.test(value.text) ? undefined : meaning(value.text, reading);
      return read ?? refuse(reading, value, member, expected, hint?.(value.text));
    },
  } satisfies Kind<T>;
}

/** A text of at most `most` characters that follows `pattern`. */
export function textOf(expected: string, pattern: RegExp, most = 1024): Kind<string> {
  return textKind(expected, (text) => (text.length <= most && pattern.test(text) ? text : undefined));
}

/** Products, channels, images, components: what a manifest calls a name. */
export const name: Kind<string> = textOf(
  'a name of letters, digits and . _ + ~ -, at most 128',
  NAME_PATTERN,
);

/** One of these words. */
export function choice<const T extends string>(words: readonly T[]): Kind<T> {
  return textKind<T>(
    `one of ${listNames(words)}`,
    (text) => words.find((word) => word === text),
    (text) => {
      const meant = nearestName(text, words);
      return meant === undefined ? undefined : `did you mean ${meant}?`;
    },
  );
}

export const flag: Kind<boolean> = textKind('true or false', (text) =>
  text === 'true' || text === 'false' ? text === 'true' : undefined,
);

/** A whole number. */
export function count(least: number, most: number): Kind<number> {
  return textKind(`a whole number from ${least} to ${most}`, (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  });
}

/** A number of bytes, as people write it, or hexadecimal, as boot loaders do. */
export function size(least: number, most: number): Kind<number> {
  const range = `from ${formatSize(least)} to ${formatSize(most)}`;
  return textKind(`a size such as 512KiB, 40MiB or 1500000, ${range}`, (text) => {
    const bytes = bytesOf(text);
    return bytes !== undefined && bytes >= least && bytes <= most ? bytes : undefined;
  });
}

/** A place on a device in bytes; a negative one counts from its end. */
export const offset: Kind<number> = textKind('an offset such as 0x400000, 4MiB or -0x8000', (text) => {
  const bytes = bytesOf(text.replace(/^-/, ''));
  if (bytes === undefined) return undefined;
  return text.startsWith('-') && bytes > 0 ? -bytes : bytes;
});

function bytesOf(text: string): number | undefined {
  if (/^0x[0-9a-f]{1,12}$/i.test(text)) return Number(text);
  try {
    return text.length <= 32 ? parseSize(text) : undefined;
  } catch {
    return undefined;
  }
}

/** A path; a relative one begins where the file is. */
export const path: Kind<string> = textKind('a path', (text, { directory }) => {
  if (text.trim() === '' || Buffer.byteLength(text) > MAX_PATH) return undefined;
  return placeOf(text, directory);
});

/** One spelling for each place, so that two of them can be told to be the same. */
function placeOf(text: string, directory: string): string {
  const place = isAbsolute(text) ? normalize(text) : join(directory, text);
  return place.replace(/(?<=.)\/+$/, '');
}

/** Permissions in octal, as chmod writes them. */
export const fileMode: Kind<number> = textKind('permissions in octal, such as 0644', (text) =>
  /^0?[0-7]{3}$/.test(text) ? Number.parseInt(text, 8) : undefined,
);

const plainArgument = textKind('a text', (text) => (text.length <= MAX_ARGUMENT ? text : undefined));

const argument: Kind<string> = {
  ...plainArgument,
  read(value, reading, member) {
    // `{path}` without quotes is a mapping.
    if (value.type !== 'mapping') return plainArgument.read(value, reading, member);
    return refuse(reading, value, member, plainArgument.expected, 'put braces in quotes, as in "{path}"');
  },
};
const argumentList = listOf(argument, { least: 1, most: MAX_ARGUMENTS }, 'arguments, the program first');

/** A program and its arguments; no shell reads them. A program with a slash, but not at its begin, lies beside the file. */
export const command: Kind<readonly string[]> = {
  expected: argumentList.expected,
  below: {},
  read(value, reading, member) {
    if (value.type === 'text' && !isNothing(value)) {
      const hint = 'no shell reads it, so write [program, argument, …]';
      return refuse(reading, value, member, argumentList.expected, hint);
    }
    const found = argumentList.read(value, reading, member);
    const [program = '', ...rest] = found ?? [];
    if (found === undefined) return undefined;
    if (program.trim() === '') return refuse(reading, value, `${member}[0]`, 'the name of a program');
    const beside = program.includes('/') && !isAbsolute(program);
    if (!beside) return found;
    const result = [join(reading.directory, program), ...rest];
    const place = reading.places.get(found);
    if (place !== undefined) reading.places.set(result, place);
    return result;
  },
};

/** Where a repository is. */
export const location: Kind<string> = textKind(
  'an http(s):// URL, s3://bucket/prefix or a directory',
  (text, { directory }) => {
    if (text.trim() === '' || text.length > MAX_PATH) return undefined;
    if (/^https?:/i.test(text)) return isPlainUrl(text) ? text : undefined;
    if (/^s3:/i.test(text))
      return /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/i.test(text) ? text : undefined;
    if (/^file:/i.test(text)) return URL.canParse(text) ? text : undefined;
    if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return undefined;
    return placeOf(text, directory);
  },
  (text) =>
    /^https?:\/\/[^/]*@/i.test(text) ? 'no user and password in a URL: use trust.tls.cert' : undefined,
);

/** An http(s) URL without user, password and fragment. */
export function isPlainUrl(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false;
  const { username, password, hash } = new URL(text);
  return username === '' && password === '' && hash === '';
}
