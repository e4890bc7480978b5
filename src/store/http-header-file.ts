/**
 * The file with headers for a CDN that wants to know who asks: `Name: value`, a line each, as curl reads it after
 * `-H @FILE`. A line that is an origin (`https://cdn.example.com`) says whom the lines below it are for; so a token
 * for one CDN never reaches another. Empty lines and lines that begin with `#` are passed over.
 *
 * What a line holds is a secret: no message repeats it.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';

/** Headers for one origin; `undefined` where the file names none. */
export interface HeaderSection {
  readonly origin: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** What silt and HTTP itself say; another word there would break requests or let a cache mix them up. */
const RESERVED: ReadonlySet<string> = new Set([
  ...['accept-encoding', 'cache-control', 'connection', 'content-length', 'content-type', 'expect', 'host'],
  ...['if-match', 'if-none-match', 'if-range', 'keep-alive', 'pragma', 'proxy-authorization', 'range'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'user-agent'],
]);

/** RFC 9110, §5.6.2 and §5.5, in ASCII alone. */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)[ \t]*$/;

/**
 * The sections of such a file.
 *
 * @param name of the file, for messages
 * @throws SiltError FORMAT_INVALID for a line that is neither
 */
export function parseHeaderFile(text: string, name: string): readonly HeaderSection[] {
  const sections: { origin: string | undefined; headers: Record<string, string> }[] = [];
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const refuse = (expected: string): SiltError =>
      new SiltError('FORMAT_INVALID', `line ${at + 1} of ${name}: expected ${expected}`, {
        details: { path: name, line: at + 1 },
      });
    if (/^https?:\/\//i.test(line)) {
      const url = URL.canParse(line) ? new URL(line) : undefined;
      if (url === undefined || url.href !== `${url.origin}/`) {
        throw refuse('an origin such as https://cdn.example.com, without user, path and query');
      }
      sections.push({ origin: url.origin, headers: {} });
      continue;
    }
    const [, header = '', value = ''] = HEADER.exec(line) ?? [];
    const field = header.toLowerCase();
    if (field === '') throw refuse('a header such as "Authorization: Bearer …" in ASCII, or an origin');
    if (RESERVED.has(field)) throw refuse(`a header of a CDN; ${field} is for silt to set`);
    if (sections.length === 0) sections.push({ origin: undefined, headers: {} });
    const { headers } = sections.at(-1) as (typeof sections)[number];
    if (field in headers) throw refuse(`${field} once for each origin`);
    headers[field] = value;
  }
  return sections;
}

/**
 * The headers for the repository at `location`; those without an origin are for the only one there is.
 *
 * @param locations all that are asked
 * @throws SiltError USAGE when it is not said which of several origins headers are for
 */
export function headersFor(
  sections: readonly HeaderSection[],
  location: string,
  locations: readonly string[],
): Readonly<Record<string, string>> {
  const origins = new Set(locations.map(originOf).filter((origin) => origin !== undefined));
  if (origins.size > 1 && sections.some(({ origin }) => origin === undefined)) {
    throw new SiltError(
      'USAGE',
      'expected a line such as https://cdn.example.com above the first header, to say which of the repositories it is for',
    );
  }
  const own = originOf(location);
  const mine = sections.filter(({ origin }) => origin === undefined || origin === own);
  return own === undefined ? {} : Object.assign({}, ...mine.map(({ headers }) => headers));
}

function originOf(location: string): string | undefined {
  if (!/^https?:/i.test(location) || !URL.canParse(location)) return undefined;
  return new URL(location).origin;
}
