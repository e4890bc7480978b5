/**
 * The configuration of a device from its file: one YAML document. All mistakes are found in one go, each with
 * its line and column; a warning is for what works, but perhaps not as meant.
 *
 * @module
 */
import { dirname, resolve } from 'node:path';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { MiB } from '../../core/sizes.ts';
import { readSmallFile } from '../../io/read-small-file.ts';
import { checkComponents } from './check-slots.ts';
import { type DeviceConfig, deviceConfig } from './device-config.ts';
import { createFindings, type Finding, formatFinding } from './findings.ts';
import { type Place, type Reading, tellAbout } from './kind.ts';
import { MAX_CONFIG, parseYaml } from './yaml-tree.ts';

export interface ConfigSource {
  /** Of the file, for messages. */
  readonly path: string;
  /** Where relative paths begin. Default: where the file is. */
  readonly directory?: string;
}

export interface ParsedConfig {
  readonly config: DeviceConfig;
  readonly warnings: readonly Finding[];
}

export interface CheckedConfig {
  /** `undefined` when there are mistakes. */
  readonly config: DeviceConfig | undefined;
  /** At most {@link MAX_FINDINGS}, in the order of the file. */
  readonly mistakes: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/**
 * The configuration that `text` is, with defaults filled in.
 *
 * @throws SiltError CONFIG_INVALID for the first mistake, with the number of the others
 */
export function parseConfig(text: string, source: ConfigSource): ParsedConfig {
  const { config, mistakes, warnings } = checkConfig(text, source);
  if (config !== undefined) return { config, warnings };
  throw invalid(source.path, mistakes);
}

/** The configuration, or all that is wrong with it. Never throws. */
export function checkConfig(text: string, { path, directory = dirname(path) }: ConfigSource): CheckedConfig {
  const reading: Reading = {
    directory,
    mistakes: createFindings(),
    warnings: createFindings(),
    places: new WeakMap<object, Place>(),
  };
  const tree = parseYaml(text, reading.mistakes);
  const part = tree === undefined ? {} : deviceConfig.readPart(tree, reading, '');
  checkWhole(reading, part);
  const [mistakes, warnings] = [reading.mistakes.list(), reading.warnings.list()];
  // Without a mistake every member was read.
  return { config: mistakes.length === 0 ? (part as DeviceConfig) : undefined, mistakes, warnings };
}

/**
 * The configuration in the file at `path`. All paths in it are absolute, since commands run elsewhere.
 *
 * @throws SiltError CONFIG_INVALID, IO_FAILED
 */
export async function readConfig(path: string): Promise<ParsedConfig> {
  return parseConfig(await readConfigText(path), { path, directory: dirname(resolve(path)) });
}

/** The text of the file. @throws SiltError CONFIG_INVALID when there is none or it is too large; IO_FAILED */
export async function readConfigText(path: string): Promise<string> {
  const bytes = await readSmallFile(path, MAX_CONFIG).catch((error: unknown) => {
    if (!isSiltError(error, 'FORMAT_INVALID')) throw error;
    throw new SiltError('CONFIG_INVALID', `${error.message}; is it the right file?`, { details: { path } });
  });
  if (bytes === undefined) {
    throw new SiltError(
      'CONFIG_INVALID',
      `expected the configuration of the device at ${path}, found no file`,
      {
        details: { path },
      },
    );
  }
  return bytes.toString('utf8');
}

function invalid(path: string, mistakes: readonly Finding[]): SiltError {
  const [first] = mistakes;
  const { line = 1, column = 1 } = first ?? {};
  const more = mistakes.length - 1;
  const others =
    more > 0
      ? ` (and ${more} more ${more === 1 ? 'mistake' : 'mistakes'}: silt device check tells them)`
      : '';
  const message = first === undefined ? `${path}: it cannot be read` : formatFinding(path, first);
  return new SiltError('CONFIG_INVALID', `${message}${others}`, {
    details: { path, line, column, mistakes: mistakes.length },
  });
}

/** What concerns several members; those that could not be read are not looked at. */
function checkWhole(reading: Reading, part: Partial<DeviceConfig>): void {
  const { components, bootLoader, repositories, trust, hooks, budgets, polling, feedback } = part;
  const tell = tellAbout(reading, part);
  if (components !== undefined) checkComponents(reading, components, bootLoader);
  if (repositories !== undefined) {
    const list = tellAbout(reading, repositories);
    repositories.forEach((repository, index) => {
      if (repositories.indexOf(repository) < index) {
        list.mistake('expected each repository once, found it again; it would be asked twice', index);
      }
    });
    const { ca, cert, pins } = trust?.tls ?? {};
    const usesTls = (ca ?? cert) !== undefined || (pins?.length ?? 0) > 0;
    const servers = [...repositories, feedback?.url ?? ''];
    if (trust !== undefined && usesTls && !servers.some((server) => /^https:/i.test(server))) {
      tellAbout(reading, trust).mistake('expected a repository at https:// with it, found none', 'tls');
    }
  }
  if (hooks !== undefined && hooks.health === undefined) {
    const message =
      'without hooks.health a new system counts as healthy as soon as it has started; add a command that knows better';
    tell.warning(message, 'hooks');
  }
  if (budgets?.maxBytes !== undefined && budgets.maxBytes < MiB) {
    tellAbout(reading, budgets).warning('under 1MiB hardly any update fits; it would be refused', 'maxBytes');
  }
  if (budgets?.seconds !== undefined && polling !== undefined && budgets.seconds > polling.interval) {
    const message = `one update may take longer than the polling interval of ${polling.interval} s; the next check waits for it`;
    tellAbout(reading, budgets).warning(message, 'seconds');
  }
}
