/**
 * Options that several commands share, and how the text of an option becomes a value.
 *
 * @module
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { SiltError } from '../core/errors.ts';
import type { ReleaseSelector } from '../trust/releases.ts';
import type { OutputOptions } from './output.ts';

/** What every command knows. */
export interface CommonOptions extends OutputOptions {
  readonly repo: string;
}

export const REPO_TO_READ = 'repository: directory, http(s):// URL or s3://bucket/prefix';
export const REPO_TO_CHANGE = 'repository: directory or s3://bucket/prefix';
export const REPO_TO_WRITE = 'repository: directory or s3://bucket/prefix; a missing directory is made';

/** Adds `--json` and `--quiet`. */
export function withOutputOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON document on stdout; errors as one on stderr')
    .option('--quiet', 'print nothing but errors');
}

/** What codes a delta, as the option `flag`. */
export function entropyOption(flag: string): Option {
  const means = 'model makes the smaller delta, general one that patches in less time; by default model';
  return new Option(`${flag} <kind>`, means).choices(['model', 'general']);
}

/** Adds `--detailed-exitcode`. */
export function withDetailedExitCode(command: Command, nothing: string): Command {
  return command.option('--detailed-exitcode', `exit with 4 instead of 0 when ${nothing}`);
}

/** Adds `--version` and `--channel`, which choose a release. */
export function withReleaseOptions(command: Command): Command {
  return command
    .option('--version <version>', 'the release; by default the latest one')
    .addOption(
      new Option('--channel <name>', 'the release that this channel points to').conflicts('version'),
    );
}

/** The release that these options choose. */
export function releaseSelector(options: {
  readonly version?: string;
  readonly channel?: string;
}): ReleaseSelector {
  if (options.version !== undefined) return { version: options.version };
  return options.channel === undefined ? { latest: true } : { channel: options.channel };
}

/** Gathers an option that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** Versions with commas between them; the option `flag` may be given several times. @throws SiltError USAGE */
export function versionList(flag: string) {
  return (text: string, before: readonly string[] | undefined): readonly string[] => {
    const versions = text.split(',').map((version) => version.trim());
    if (!versions.includes('')) return [...(before ?? []), ...versions];
    throw new SiltError('USAGE', `expected ${flag} to be versions such as 1.4.0,1.4.1; found "${text}"`);
  };
}

/** A whole number from `least` up. @throws SiltError USAGE */
export function parseCount(what: string, least: number, most: number = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`;
    throw new SiltError('USAGE', `expected ${what} to be a whole number, ${range}; found "${text}"`);
  };
}

/**
 * Where indexes of installed images are kept: systemd's StateDirectory= (the first of several), else the
 * user's, by the XDG base directory specification.
 */
export function defaultStateDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const fromSystemd = env.STATE_DIRECTORY?.split(':', 1)[0];
  if (fromSystemd) return fromSystemd;
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'silt');
}
