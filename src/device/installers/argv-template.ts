/**
 * A command of the configuration with places for a path and a version: `podman load -i {path}`. What fills a
 * place stays within its argument, since no shell ever sees it.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';

const PLACE = /\{([^{}]*)\}/g;

export interface ArgvValues {
  readonly path: string;
  readonly version: string;
}

/** Refuses a command that names a place there is not, before an update depends on it. @throws SiltError CONFIG_INVALID */
export function checkTemplate(command: readonly string[]): void {
  if (command.length === 0 || command[0] === '') {
    throw new SiltError(
      'CONFIG_INVALID',
      'expected a command of at least one word, found none; name the program',
    );
  }
  for (const [, place = ''] of command.join(' ').matchAll(PLACE)) {
    if (place === 'path' || place === 'version') continue;
    const message = `expected {path} and {version} as the only places of a command, found {${place}} in "${command.join(' ')}"; correct it`;
    throw new SiltError('CONFIG_INVALID', message);
  }
}

/** The command with its places filled. */
export function fillTemplate(command: readonly string[], values: ArgvValues): string[] {
  return command.map((word) =>
    word.replaceAll(PLACE, (whole, place: string) =>
      place === 'path' || place === 'version' ? values[place] : whole,
    ),
  );
}
