/**
 * Our TUF client as the public conformance suite wants a client: a program with the commands `init`, `refresh`
 * and `download` (its CLIENT-CLI document). Not part of the tests: it lets anybody run the suite itself,
 * `pytest tuf_conformance --entrypoint 'node test/support/tuf-client-cli.ts'`.
 *
 * The device's real state lies in a folder of the metadata directory; what it trusts is copied beside it under
 * the plain names that the suite looks at.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openHttpStore } from '../../src/store/http.ts';
import type { MetadataReader } from '../../src/trust/releases.ts';
import { refresh } from '../../src/trust/tuf/client.ts';
import { openDeviceState } from '../../src/trust/tuf/device-state.ts';

const MAX_TARGET_BYTES = 1 << 26;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'metadata-dir': { type: 'string' },
    'metadata-url': { type: 'string' },
    'target-name': { type: 'string', multiple: true },
    'target-base-url': { type: 'string' },
    'target-dir': { type: 'string' },
  },
});

const directory = given('metadata-dir');
const stateDirectory = join(directory, 'state');
const factoryRoot = join(directory, 'factory-root');

try {
  const [command, file = ''] = positionals;
  if (command === 'init') await init(file);
  else if (command === 'refresh') await refreshAnd(async () => {});
  else if (command === 'download') await refreshAnd(download);
  else throw new Error(`expected init, refresh or download, found "${command}"`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

function given(name: 'metadata-dir' | 'metadata-url' | 'target-base-url' | 'target-dir'): string {
  const value = values[name];
  if (value === undefined) throw new Error(`expected --${name}`);
  return value;
}

async function init(root: string): Promise<void> {
  const bytes = await readFile(root);
  await mkdir(stateDirectory, { recursive: true });
  await writeFile(factoryRoot, bytes);
  await writeFile(join(directory, 'root.json'), bytes);
}

async function refreshAnd(
  then: (trusted: Awaited<ReturnType<typeof refresh>>) => Promise<void>,
): Promise<void> {
  try {
    const state = await openDeviceState(stateDirectory);
    await then(await refresh({ store: reader(), state, factoryRoot: await readFile(factoryRoot) }));
  } finally {
    await showState();
  }
}

/** Copies what is trusted to where the suite looks. */
async function showState(): Promise<void> {
  const state = await openDeviceState(stateDirectory);
  const shown = (await readdir(directory)).filter((name) => name.endsWith('.json'));
  await Promise.all(shown.map((name) => rm(join(directory, name))));
  await writeFile(join(directory, 'root.json'), await readFile(factoryRoot));
  // Earlier roots, such as 2.root.json, are of no interest here.
  const kept = (await readdir(stateDirectory)).map((name) => name.replace(/\.[ab]$/, ''));
  for (const name of new Set(kept.filter((one) => /^(?!\d+\.root\.).*\.json$/.test(one)))) {
    const [newest] = await state.read(name);
    if (newest !== undefined) await writeFile(join(directory, name), newest);
  }
}

async function download(trusted: Awaited<ReturnType<typeof refresh>>): Promise<void> {
  for (const path of values['target-name'] ?? []) {
    const target = await trusted.findTarget(path);
    if (target === undefined) throw new Error(`there is no target ${path}`);
    const file = join(given('target-dir'), encodeURIComponent(path));
    if (await holds(file, target.hashes)) continue;
    await writeFile(file, await trusted.readTarget(target, { maxBytes: MAX_TARGET_BYTES }));
  }
}

async function holds(file: string, hashes: Readonly<Record<string, string>>): Promise<boolean> {
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes === undefined) return false;
  return Object.entries(hashes).every(
    ([algorithm, digest]) => createHash(algorithm).update(bytes).digest('hex') === digest,
  );
}

/** The two places of the suite as one store. */
function reader(): MetadataReader {
  const metadata = openHttpStore(given('metadata-url'));
  const targets =
    values['target-base-url'] === undefined ? metadata : openHttpStore(values['target-base-url']);
  return {
    location: metadata.location,
    get(key, options) {
      const inside = key.slice(key.indexOf('/') + 1);
      // A role name that is percent-encoded already: the suite decodes once.
      if (inside.includes('%')) return getAsItIs(new URL(inside, metadata.location), options.maxBytes);
      return (key.startsWith('metadata/') ? metadata : targets).get(inside, options);
    },
  };
}

async function getAsItIs(url: URL, maxBytes: number): Promise<{ bytes: Uint8Array } | undefined> {
  const response = await fetch(url);
  if (response.status === 404) return undefined;
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (!response.ok || bytes.length > maxBytes) throw new Error(`${url}: ${response.status}`);
  return { bytes };
}
