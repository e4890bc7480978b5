/**
 * The environment block of GRUB (`grubenv`): 1024 bytes that begin with a signature line, then lines
 * `NAME=VALUE`, then `#` up to the end. In a value a backslash stands before a backslash and before a line feed.
 * Lines that begin with `#` are comments. See grub-editenv(1) and "The GRUB environment block" in GRUB's manual.
 *
 * Whatever is read is written back byte for byte, but for the variables that were set: other tools keep theirs.
 * Text is one character a byte (Latin-1), since GRUB knows no encoding.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';

/** The size of the block. GRUB itself writes into it in place, so it never changes. */
export const GRUB_ENVIRONMENT_BYTES = 1024;

const SIGNATURE = '# GRUB Environment Block\n';
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export interface GrubEnvironment {
  /** Comments and variables in their order, as they stand in the file, without the last line feed. */
  readonly lines: readonly string[];
}

/**
 * Reads a block. More is refused than by GRUB: a line without `=`, and zero bytes, which a power cut leaves.
 *
 * @throws SiltError BOOT_STATE_INVALID with what is wrong
 */
export function decodeGrubEnvironment(bytes: Uint8Array): GrubEnvironment {
  if (bytes.length !== GRUB_ENVIRONMENT_BYTES) {
    throw damaged(`expected ${GRUB_ENVIRONMENT_BYTES} bytes, found ${bytes.length}`);
  }
  const text = Buffer.from(bytes).toString('latin1');
  if (!text.startsWith(SIGNATURE))
    throw damaged('expected the signature of GRUB in its first line, found none');
  if (text.includes('\0')) throw damaged('expected text, found zero bytes');
  const lines: string[] = [];
  let at = SIGNATURE.length;
  while (!/^#*$/.test(text.slice(at))) {
    const end = endOfLine(text, at);
    if (end >= text.length) throw damaged('expected its last line to end in a line feed, found none');
    const line = text.slice(at, end);
    if (!line.startsWith('#') && !line.includes('=')) {
      throw damaged(`expected NAME=VALUE in line ${lines.length + 2}, found no "="`);
    }
    lines.push(line);
    at = end + 1;
  }
  return { lines };
}

/** The block of 1024 bytes. @throws SiltError BOOT_FAILED when the variables do not fit */
export function encodeGrubEnvironment(environment: GrubEnvironment): Uint8Array {
  const text = SIGNATURE + environment.lines.map((line) => `${line}\n`).join('');
  if (text.length > GRUB_ENVIRONMENT_BYTES) {
    throw new SiltError(
      'BOOT_FAILED',
      `expected at most ${GRUB_ENVIRONMENT_BYTES} bytes of GRUB variables, found ${text.length}; unset some with grub-editenv`,
    );
  }
  return Buffer.from(text.padEnd(GRUB_ENVIRONMENT_BYTES, '#'), 'latin1');
}

/** The value that GRUB would load: of several with one name, the last. */
export function grubVariable(environment: GrubEnvironment, name: string): string | undefined {
  const line = environment.lines.findLast((candidate) => isOf(candidate, name));
  return line?.slice(name.length + 1).replaceAll(/\\([\s\S])/g, '$1');
}

/**
 * The environment with these variables set, each where it stands already or at the end; `undefined` removes one.
 *
 * @throws SiltError BOOT_FAILED for a name or a value that cannot stand in the block
 */
export function withGrubVariables(
  environment: GrubEnvironment,
  variables: Readonly<Record<string, string | undefined>>,
): GrubEnvironment {
  let lines = environment.lines;
  for (const [name, value] of Object.entries(variables)) {
    if (!NAME.test(name)) throw unwritable(`the name ${JSON.stringify(name)}`, 'letters, digits and _');
    const line = value === undefined ? undefined : `${name}=${escaped(name, value)}`;
    lines = withLine(lines, name, line);
  }
  return { lines };
}

function withLine(lines: readonly string[], name: string, line: string | undefined): readonly string[] {
  const first = lines.findIndex((candidate) => isOf(candidate, name));
  const rest = lines.filter((candidate, index) => index === first || !isOf(candidate, name));
  if (line === undefined) return rest.filter((_, index) => index !== first);
  return first === -1 ? [...rest, line] : rest.with(first, line);
}

const isOf = (line: string, name: string): boolean => line.startsWith(`${name}=`);

function escaped(name: string, value: string): string {
  for (const character of value) {
    if (character === '\0' || character > '\xff')
      throw unwritable(`the value of ${name}`, 'Latin-1 without zero bytes');
  }
  return value.replaceAll(/[\\\n]/g, '\\$&');
}

/** Where the line feed is that ends the line, passing over those after a backslash; at or past the end if none. */
function endOfLine(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function unwritable(what: string, expected: string): SiltError {
  return new SiltError('BOOT_FAILED', `${what} cannot stand in a GRUB environment; use ${expected}`);
}

function damaged(why: string): SiltError {
  return new SiltError(
    'BOOT_STATE_INVALID',
    `the GRUB environment is damaged: ${why}; create it anew with grub-editenv`,
  );
}
