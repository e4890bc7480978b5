/**
 * The options that say which devices may have a release, and which can read it.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../core/errors.ts';
import { type Manifest, NAME_PATTERN } from '../format/manifest.ts';
import type { PublishOptions } from '../publisher/publish.ts';
import type { RuleRequest } from '../publisher/release-rules.ts';
import { collect, versionList } from './options.ts';
import { readOptionText } from './read-option-file.ts';

export interface ReleaseRuleFlags {
  readonly hardware?: readonly string[];
  readonly requiresRelease?: string;
  readonly requiresSilt?: string;
  readonly allowDowngradeFrom?: readonly string[];
  readonly seal?: string;
  readonly recipient?: readonly string[];
}

export function withReleaseRules(command: Command): Command {
  return command
    .option(
      '--hardware <name[:variant,...]>',
      'only for this hardware, or variants of it; several times',
      collect,
    )
    .option('--requires-release <version>', 'only for devices that have this release or a later one')
    .option('--requires-silt <version>', 'only for devices with this silt or a later one')
    .option(
      '--allow-downgrade-from <versions>',
      'devices that have one of these may go down to this release; separated by commas',
      versionList('--allow-downgrade-from'),
    )
    .option(
      '--seal <file>',
      'encrypt the release with keys made from this secret, as "silt keys seal" makes it',
    )
    .option('--recipient <file>', 'certificate of who can decrypt it, PEM; several times', collect);
}

/**
 * What the options say.
 *
 * @throws SiltError USAGE, KEY_UNUSABLE, IO_FAILED
 */
export async function releaseRules(
  flags: ReleaseRuleFlags,
): Promise<RuleRequest & Pick<PublishOptions, 'sealing'>> {
  const { hardware, requiresRelease, requiresSilt, allowDowngradeFrom } = flags;
  return {
    ...(hardware !== undefined && { hardware: hardware.map(parseHardware) }),
    requires: {
      ...(requiresRelease !== undefined && { version: requiresRelease }),
      ...(requiresSilt !== undefined && { silt: requiresSilt }),
    },
    allowDowngradeFrom,
    sealing: await sealing(flags),
  };
}

/** `gw2` or `gw2:eu,us`. @throws SiltError USAGE */
function parseHardware(text: string): NonNullable<Manifest['hardware']>[number] {
  const [name = '', list, ...rest] = text.split(':');
  const variants = list?.split(',');
  if (rest.length === 0 && [name, ...(variants ?? [])].every((part) => NAME_PATTERN.test(part))) {
    return variants === undefined ? { name } : { name, variants };
  }
  throw new SiltError('USAGE', `expected --hardware to be such as gw2 or gw2:eu,us; found "${text}"`);
}

async function sealing({ seal, recipient }: ReleaseRuleFlags): Promise<PublishOptions['sealing']> {
  if (seal === undefined && recipient === undefined) return undefined;
  if (seal === undefined || recipient === undefined) {
    throw new SiltError('USAGE', 'expected --seal together with at least one --recipient');
  }
  const { readMasterSecret } = await import('../trust/seal/master-secret.ts');
  const master = await readMasterSecret(seal);
  const recipients = await Promise.all(recipient.map((path) => readOptionText('--recipient', path)));
  return { master, recipients };
}
