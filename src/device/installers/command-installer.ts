/**
 * A component that a program of the integrator installs: a microcontroller behind a bus, an FPGA, anything. The
 * program is called with a verb, gets one JSON document on stdin, may print one on stdout, and says how far it is
 * on stderr; docs/guides/installer-protocol.md.
 *
 * @module
 */
import * as v from 'valibot';
import { SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { printable, runCommand } from '../../io/run-command.ts';
import type { Installer, InstallerStatus, InstallImage, InstallOptions, Preparation } from './installer.ts';

/** Rises when a program of today could not do what the protocol then asks. */
export const INSTALLER_PROTOCOL = 1;

export type InstallerVerb = 'status' | 'prepare' | 'install' | 'commit' | 'rollback' | 'finish';

/** Milliseconds. */
export const DEFAULT_VERB_LIMITS: Readonly<Record<InstallerVerb, number>> = {
  status: 30_000,
  prepare: 60_000,
  install: 30 * 60_000,
  commit: 5 * 60_000,
  rollback: 30 * 60_000,
  finish: 60_000,
};

const MAX_ANSWER = 64 * KiB;
const PROGRESS = /^progress (\d{1,15})\/(\d{1,15})$/;

const path = v.pipe(v.string(), v.maxLength(4095), v.regex(/^\/[^\0]*$/, 'expected an absolute path'));

const statusSchema = v.object({
  present: v.boolean(),
  version: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(128))),
});

const preparationSchema = v.object({
  output: path,
  inPlace: v.optional(v.boolean(), false),
  seeds: v.optional(v.pipe(v.array(path), v.maxLength(16)), []),
});

export interface CommandInstallerSettings {
  /** The component, told to the program. */
  readonly component: string;
  /** The program and its first arguments; the verb comes behind them. */
  readonly command: readonly string[];
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Longest that a verb may take, in milliseconds. */
  readonly limits?: Partial<Readonly<Record<InstallerVerb, number>>> | undefined;
  /** Milliseconds from SIGTERM to SIGKILL. */
  readonly graceMs?: number | undefined;
  /** What runs the program: for tests that play it themselves. */
  readonly run?: typeof runCommand | undefined;
}

export class CommandInstaller implements Installer {
  readonly #settings: CommandInstallerSettings;

  constructor(settings: CommandInstallerSettings) {
    this.#settings = settings;
  }

  async status(options?: InstallOptions): Promise<InstallerStatus> {
    const { present, version } = this.#parse('status', statusSchema, await this.#run('status', {}, options));
    return version === undefined ? { present } : { present, version };
  }

  async prepare(version: string, options?: InstallOptions): Promise<Preparation> {
    return this.#parse('prepare', preparationSchema, await this.#run('prepare', { version }, options));
  }

  async install(image: InstallImage, options?: InstallOptions): Promise<void> {
    await this.#run('install', requestFor(image), options);
  }

  async commit(image: InstallImage, options?: InstallOptions): Promise<void> {
    await this.#run('commit', requestFor(image), options);
  }

  async rollback(options?: InstallOptions): Promise<void> {
    await this.#run('rollback', {}, options);
  }

  async finish(options?: InstallOptions): Promise<void> {
    await this.#run('finish', {}, options);
  }

  async #run(verb: InstallerVerb, members: object, options: InstallOptions = {}): Promise<Buffer> {
    const { component, command, cwd, env, limits, graceMs, run = runCommand } = this.#settings;
    const { stdout } = await run([...command, verb], {
      code: 'INSTALL_FAILED',
      what: `the installer of ${component}`,
      limitMs: limits?.[verb] ?? DEFAULT_VERB_LIMITS[verb],
      maxOutput: MAX_ANSWER,
      input: `${JSON.stringify({ protocol: INSTALLER_PROTOCOL, component, ...members })}\n`,
      cwd,
      env,
      graceMs,
      signal: options.signal,
      onLine: (line) => {
        const [, done, total] = PROGRESS.exec(line) ?? [];
        if (done === undefined || total === undefined) return false;
        options.onProgress?.(Math.min(Number(done), Number(total)), Number(total));
        return true;
      },
    });
    return stdout;
  }

  #parse<Output>(
    verb: InstallerVerb,
    schema: v.BaseSchema<unknown, Output, v.BaseIssue<unknown>>,
    stdout: Buffer,
  ): Output {
    let why: string;
    try {
      const result = v.safeParse(schema, JSON.parse(stdout.toString('utf8')));
      if (result.success) return result.output;
      const [issue] = result.issues;
      why = `${v.getDotPath(issue) ?? 'the document'}: ${issue.message}`;
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    const { component } = this.#settings;
    const message = `expected the installer of ${component} to answer ${verb} as the protocol says, found: ${printable(why)}; correct the program`;
    throw new SiltError('INSTALL_FAILED', message, { details: { component, verb } });
  }
}

function requestFor({ version, path, size, sha256 }: InstallImage): object {
  return { version, path, size, sha256 };
}
