/**
 * Which programs of a peer are here, in which versions; or what to install.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { type Environment, findProgram } from './find-program.ts';
import { goVersion } from './go-build-info.ts';
import type { Peer, Program } from './peer.ts';

/** A program that takes longer to tell its version is not waited for. */
const PATIENCE_MS = 10_000;

const LIST = new Intl.ListFormat('en-GB');

/** What a program is said to be when nothing tells. */
const UNKNOWN = 'unknown';

export type Probe = { readonly version: string } | { readonly missing: string };

/**
 * Looks for the programs of `peer` in the PATH of `env`, and asks each for its version.
 *
 * @returns `casync 2`, or why the peer cannot run: `casync is not installed (apt-get install casync)`
 */
export async function probe(peer: Peer, env: Environment): Promise<Probe> {
  const found = peer.programs.map((program) => ({ program, path: findProgram(program.command, env) }));
  const missing = new Map<string, string[]>();
  for (const { program, path } of found) {
    if (path !== undefined) continue;
    missing.set(program.install, [...(missing.get(program.install) ?? []), program.command]);
  }
  if (missing.size > 0) {
    const sentences = [...missing].map(
      ([install, names]) =>
        `${LIST.format(names)} ${names.length > 1 ? 'are' : 'is'} not installed (${install})`,
    );
    return { missing: sentences.join('; ') };
  }
  const versions = await Promise.all(
    found.map(async ({ program, path = '' }) => ({
      // A path is how this machine names it; a peer is named for its tool.
      name: isAbsolute(program.command) ? (peer.name.split('-')[0] ?? peer.name) : program.command,
      version: await versionOf(program, path, env),
    })),
  );
  // Programs of one package have one version, which is said once.
  const distinct = versions.filter(
    ({ version }, i) => versions.findIndex((other) => other.version === version) === i,
  );
  return { version: distinct.map(({ name, version }) => `${name} ${version}`).join(', ') };
}

async function versionOf({ versionArgs }: Program, path: string, env: Environment): Promise<string> {
  if (versionArgs.length > 0) {
    const { stdout, stderr } = await output(path, versionArgs, env);
    const said = versionIn(`${stdout}\n${stderr}`);
    if (said !== undefined) return said;
  }
  return (await packageVersion(path, env)) ?? (await writtenVersion(path)) ?? UNKNOWN;
}

/** The first thing that looks like a version: with a dot if possible, as names have digits too. */
function versionIn(text: string): string | undefined {
  return /(?<![\w.])v?(\d+(?:\.\d+)+[\w.+~-]*)/.exec(text)?.[1] ?? /(?<=\s)v?(\d+)\b/.exec(text)?.[1];
}

/** What the package manager says of the program, where it has installed it. */
async function packageVersion(path: string, env: Environment): Promise<string | undefined> {
  if (findProgram('dpkg-query', env) === undefined) return undefined;
  const real = await realpath(path).catch(() => path);
  const { stdout: owners } = await output('dpkg-query', ['-S', real], env);
  const owner = /^([^\s:,]+)(?::\S+)?: /.exec(owners)?.[1];
  if (owner === undefined) return undefined;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the format of another program
  const { stdout: version } = await output('dpkg-query', ['-W', '-f', '${Version}', owner], env);
  return version === '' ? undefined : version;
}

async function writtenVersion(path: string): Promise<string | undefined> {
  const program = await readFile(path).catch(() => undefined);
  return program && goVersion(program);
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** All that a program prints, however it ends. */
function output(path: string, args: readonly string[], env: Environment): Promise<Output> {
  const options = { env: { ...env, LC_ALL: 'C' }, timeout: PATIENCE_MS, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve) => {
    const child = execFile(path, [...args], options, (_, stdout, stderr) => resolve({ stdout, stderr }));
    child.stdin?.end();
  });
}
