import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Peer, Program } from '../../src/compare/peer.ts';
import { type Probe, probe } from '../../src/compare/probe.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Asks for programs that are shell scripts with these bodies; `undefined` for one that is not there. */
async function probeScripts(
  t: ExecutionContext,
  scripts: Readonly<Record<string, string | undefined>>,
  versionArgs: readonly string[] = ['--version'],
): Promise<Probe> {
  const directory = await temporaryDirectory(t);
  for (const [name, body] of Object.entries(scripts)) {
    if (body === undefined) continue;
    await writeFile(join(directory, name), `#!/bin/sh\n${body}\n`);
    await chmod(join(directory, name), 0o755);
  }
  const programs = Object.keys(scripts).map((command) => ({ command, versionArgs, install: 'get it' }));
  // No package manager there: what it says of programs is another thing.
  return await probe(peerOf('tool', programs), { PATH: directory });
}

function peerOf(name: string, programs: readonly Program[]): Peer {
  const never = (): Promise<void> => Promise.reject(new Error('not to be run'));
  return {
    name,
    title: name,
    family: 'chunks',
    programs,
    publish: never,
    fetch: never,
    kindOf: () => 'data',
  };
}

const VERSIONS: readonly (readonly [said: string, version: string])[] = [
  ['casync 2', '2'],
  ['zsync v0.6.2 (compiled Jan 16 2023 22:02:35)', '0.6.2'],
  ['*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***', '1.5.4'],
  ['Xdelta version 3.0.11, Copyright (C) 2007, 2008', '3.0.11'],
  ["libostree:\n Version: '2022.7'", '2022.7'],
  ['rdiff (librsync 2.3.2)', '2.3.2'],
  ['HDiffPatch::hdiffz v4.12.0', '4.12.0'],
  ['0.1.0-rc.1', '0.1.0-rc.1'],
];

for (const [said, version] of VERSIONS) {
  test(`finds the version in ${JSON.stringify(said)}`, async (t) => {
    t.deepEqual(await probeScripts(t, { tool: `cat <<'END'\n${said}\nEND`.replace('cat', '/bin/cat') }), {
      version: `tool ${version}`,
    });
  });
}

test('a version counts wherever it is printed and however the program ends', async (t) => {
  t.deepEqual(await probeScripts(t, { tool: 'echo "tool 1.2" >&2; exit 3' }), { version: 'tool 1.2' });
});

test('a program that tells nothing is of an unknown version', async (t) => {
  t.deepEqual(await probeScripts(t, { tool: 'echo usage; exit 1' }), { version: 'tool unknown' });
  t.deepEqual(await probeScripts(t, { tool: 'echo not asked for 1.0' }, []), { version: 'tool unknown' });
});

test('programs of one version are said once, others each', async (t) => {
  const scripts = { make: 'echo 1.0', take: 'echo 1.0', other: 'echo 2.5' };
  t.deepEqual(await probeScripts(t, scripts), { version: 'make 1.0, other 2.5' });
});

test('what is not there is named with what to do', async (t) => {
  t.deepEqual(await probeScripts(t, { make: 'echo 1.0', take: undefined }), {
    missing: 'take is not installed (get it)',
  });
  t.deepEqual(await probeScripts(t, { make: undefined, take: undefined, cat: undefined }), {
    missing: 'make, take and cat are not installed (get it)',
  });
});

test('programs to be had in different ways are named one by one', async (t) => {
  const programs = [
    { command: 'one', versionArgs: [], install: 'apt-get install one' },
    { command: 'two', versionArgs: [], install: 'cargo install two' },
  ];
  t.deepEqual(await probe(peerOf('tool', programs), { PATH: await temporaryDirectory(t) }), {
    missing: 'one is not installed (apt-get install one); two is not installed (cargo install two)',
  });
});

test('a program given by its path goes by the name of the peer', async (t) => {
  const programs = [{ command: process.execPath, versionArgs: ['--version'], install: '' }];
  const { version } = process;
  t.deepEqual(await probe(peerOf('silt-fast', programs), {}), { version: `silt ${version.slice(1)}` });
});

test('a Go program without a version option tells what the linker wrote into it', async (t) => {
  const info =
    'path\texample.org/tool/cmd/tool\nmod\texample.org/tool\tv0.9.6\th1:abc=\ndep\tother\tv1.0.0\n';
  t.deepEqual(await probeScripts(t, { tool: `# ${info}` }, []), { version: 'tool 0.9.6' });
});
