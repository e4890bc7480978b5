/**
 * The option that names the configuration of a device, and where it is otherwise.
 *
 * @module
 */
import type { Command } from 'commander';
import type { DeviceConfig } from '../device/config/device-config.ts';
import { readConfig } from '../device/config/parse-config.ts';

export interface ConfigFlags {
  readonly config?: string;
}

const DEFAULT_CONFIG = '/etc/silt/device.yaml';

/** Adds `--config`. */
export function withConfigOption(command: Command): Command {
  return command.option(
    '--config <file>',
    `the configuration of this device; or SILT_CONFIG; by default ${DEFAULT_CONFIG}`,
  );
}

/** Where the configuration is: the option, else SILT_CONFIG, else its place under /etc. */
export function configPath(
  { config }: ConfigFlags,
  env: Readonly<Record<string, string | undefined>>,
): string {
  return config ?? (env.SILT_CONFIG || DEFAULT_CONFIG);
}

/** The configuration. @throws SiltError CONFIG_INVALID, IO_FAILED */
export async function configOf(
  flags: ConfigFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<DeviceConfig> {
  return (await readConfig(configPath(flags, env))).config;
}
