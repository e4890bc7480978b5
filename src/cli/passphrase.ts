/**
 * Passphrases: from a file, or asked for at the terminal without showing them. Never from an option, which
 * everybody can see in the list of processes.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import { readOptionFile } from './read-option-file.ts';

const MAX_PASSPHRASE: number = 4 * KiB;

const INTERRUPT = '\u0003';
const END_OF_INPUT = '\u0004';
const BACKSPACES = ['\u007f', '\b'];

/**
 * Asks for a passphrase when it is called, once for each `what` (a file, for the prompt).
 *
 * @param file its first line is the passphrase; without it the terminal is asked
 * @param options `twice`: ask again, for a passphrase that is new
 */
export function passphraseSource(
  file: string | undefined,
  options: { readonly twice?: boolean } = {},
): (what?: string) => Promise<Buffer> {
  return async (what = 'the keys') => {
    if (file !== undefined) return await passphraseIn(file);
    const first = await ask(`Passphrase for ${what}: `);
    if (options.twice === true && (await ask('The same again: ')) !== first) {
      throw new SiltError('USAGE', 'expected the same passphrase twice, found two different ones');
    }
    return Buffer.from(first);
  };
}

/** @throws SiltError KEY_UNUSABLE for an empty one, IO_FAILED */
async function passphraseIn(file: string): Promise<Buffer> {
  const bytes = await readOptionFile('--passphrase-file', file, MAX_PASSPHRASE);
  const [line = ''] = Buffer.from(bytes).toString('utf8').split(/\r?\n/, 1);
  if (line !== '') return Buffer.from(line);
  throw new SiltError('KEY_UNUSABLE', `expected a passphrase in ${file}, found an empty line`, {
    details: { path: file },
  });
}

/** @throws SiltError USAGE where there is no terminal */
async function ask(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new SiltError(
      'USAGE',
      'a key needs its passphrase, and there is no terminal to ask at; give --passphrase-file FILE',
    );
  }
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  let typed = '';
  try {
    for await (const text of stdin.iterator({ destroyOnReturn: false })) {
      for (const character of text as string) {
        if (character === '\r' || character === '\n' || character === END_OF_INPUT) {
          if (typed !== '') return typed;
          throw new SiltError('USAGE', 'expected a passphrase, found none');
        }
        if (character === INTERRUPT) {
          // Raw mode keeps the terminal from doing so.
          process.kill(process.pid, 'SIGINT');
          throw new SiltError('INTERRUPTED', 'interrupted');
        }
        if (BACKSPACES.includes(character)) typed = Array.from(typed).slice(0, -1).join('');
        else if (typed.length < MAX_PASSPHRASE) typed += character;
      }
    }
    throw new SiltError('USAGE', 'expected a passphrase, found the end of the input');
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}
