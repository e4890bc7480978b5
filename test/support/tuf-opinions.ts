/**
 * What different TUF clients make of one repository: ours, tuf-js, and python-tuf where it is installed. Each
 * keeps a state of its own from one reading to the next.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Updater } from 'tuf-js';
import { isSiltError } from '../../src/core/errors.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { openHttpStore } from '../../src/store/http.ts';
import { refresh } from '../../src/trust/tuf/client.ts';
import { openDeviceState } from '../../src/trust/tuf/device-state.ts';
import { findPythonTuf, PythonReader } from './python-tuf.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { MAX_TARGET_BYTES } from './tuf-device.ts';
import type { TufRepository } from './tuf-repository.ts';

/** The SHA-256 of each target asked for (`null`: there is no such target), or why the repository is refused. */
export type Opinion =
  | { readonly targets: Readonly<Record<string, string | null>> }
  | { readonly refused: string };

export interface Opinions {
  /** What each client says now, by its name; all of them begin with the same root. */
  ask(...targets: readonly string[]): Promise<Record<string, Opinion>>;
}

type Reader = (targets: readonly string[]) => Promise<Opinion>;

/**
 * Serves `directory`, a repository, and asks about it.
 *
 * @param root what devices come with
 * @param clients which ones; by default all that are here
 */
export async function tufOpinions(
  t: ExecutionContext<unknown>,
  directory: string,
  root: Uint8Array,
  clients: readonly ('silt' | 'tuf-js' | 'python-tuf')[] = ['silt', 'tuf-js', 'python-tuf'],
): Promise<Opinions> {
  const server = await startStaticServer(directory);
  t.teardown(() => server.close());
  const states = await temporaryDirectory(t);
  const stateOf = async (client: string): Promise<string> => {
    const state = join(states, client);
    await mkdir(state, { recursive: true });
    if (client !== 'silt') await writeFile(join(state, 'root.json'), root);
    return state;
  };
  const python = findPythonTuf(process.env);
  const readers: [string, Reader][] = [];
  if (clients.includes('silt')) readers.push(['silt', siltReader(server.url, await stateOf('silt'), root)]);
  if (clients.includes('tuf-js')) readers.push(['tuf-js', tufJsReader(server.url, await stateOf('tuf-js'))]);
  if (clients.includes('python-tuf') && python !== undefined) {
    const reader = new PythonReader(t, python);
    const state = await stateOf('python-tuf');
    readers.push([
      'python-tuf',
      async (targets) => (await reader.read({ state, url: server.url, targets })) as Opinion,
    ]);
  }
  return {
    async ask(...targets) {
      const opinions: Record<string, Opinion> = {};
      for (const [name, read] of readers) opinions[name] = await read(targets);
      return opinions;
    },
  };
}

function siltReader(url: string, stateDirectory: string, factoryRoot: Uint8Array): Reader {
  return async (targets) => {
    try {
      const state = await openDeviceState(stateDirectory);
      const trusted = await refresh({ store: openHttpStore(url), state, factoryRoot });
      return await digests(targets, async (path) => {
        const target = await trusted.findTarget(path);
        return target && (await trusted.readTarget(target, { maxBytes: MAX_TARGET_BYTES }));
      });
    } catch (error) {
      if (isSiltError(error)) return { refused: `${error.code}: ${error.message}` };
      throw error;
    }
  };
}

function tufJsReader(url: string, state: string): Reader {
  return async (targets) => {
    try {
      const updater = new Updater({
        metadataDir: state,
        metadataBaseUrl: `${url}metadata`,
        targetDir: state,
        targetBaseUrl: `${url}targets`,
        config: { fetchRetry: 0 },
      });
      await updater.refresh();
      return await digests(targets, async (path) => {
        const target = await updater.getTargetInfo(path);
        return target && (await readFile(await updater.downloadTarget(target)));
      });
    } catch (error) {
      // Its errors have names of their own; anything else is no opinion.
      if (error instanceof Error && !/^(TypeError|RangeError|ReferenceError)$/.test(error.name)) {
        return { refused: `${error.constructor.name}: ${error.message}` };
      }
      throw error;
    }
  };
}

async function digests(
  targets: readonly string[],
  read: (path: string) => Promise<Uint8Array | undefined>,
): Promise<Opinion> {
  const found: Record<string, string | null> = {};
  for (const path of targets) {
    const bytes = await read(path);
    found[path] = bytes === undefined ? null : createHash('sha256').update(bytes).digest('hex');
  }
  return { targets: found };
}

/** Writes what `repository` serves into `directory`, and takes away what it does not serve any more. */
export async function writeRepository(
  repository: TufRepository,
  directory: string,
  before: ReadonlySet<string> = new Set(),
): Promise<ReadonlySet<string>> {
  for (const key of before) if (!repository.objects.has(key)) await rm(join(directory, key));
  for (const [key, bytes] of repository.objects) {
    await mkdir(dirname(join(directory, key)), { recursive: true });
    await writeFile(join(directory, key), bytes);
  }
  return new Set(repository.objects.keys());
}
