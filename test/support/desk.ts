/**
 * A device on a desk, as the command line drives it: a signed repository, two slots that are files, and the
 * simulated boot loader, restarted by the command of silt.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext, TestFn } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { createJsonCli, type JsonCli } from './json-cli.ts';
import { sampleConfig } from './sample-config.ts';
import { seededBytes } from './seeded-bytes.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Of both slots, which are larger than the images. */
const SLOT = 128 * KiB;

/** The image of each release, by its version. */
export const IMAGES: Readonly<Record<string, Buffer>> = {
  1: Buffer.from(seededBytes('desk one', 96 * KiB)),
  2: Buffer.from(seededBytes('desk two', 100 * KiB)),
};

export interface Desk extends JsonCli {
  /** What the configuration has besides repository, components and boot loader. */
  configure(changes?: Readonly<Record<string, string>>): Promise<void>;
  /** Publishes {@link IMAGES} of that version to the channel that the device follows. */
  publish(version: string): Promise<void>;
  /** Version of the image that the file of a slot begins with. */
  inSlot(slot: 'A' | 'B'): Promise<string | undefined>;
}

const PUBLISH = ['publish', '--repo', 'repo', '--product', 'gateway', '--keys', 'keys', '--compression', '1'];

/** Gives each test a desk of its own, with release 1 published; the keys are made once for a file of tests. */
export function deskFor(test: TestFn<unknown>): (t: ExecutionContext<unknown>) => Promise<Desk> {
  const shop = mkdtempSync(join(tmpdir(), 'silt-desk-'));
  test.after.always(() => rmSync(shop, { recursive: true }));
  let made: Promise<void> | undefined;
  const make = async (t: ExecutionContext<unknown>): Promise<void> => {
    const cli = await createJsonCli(t);
    await cli.json(0, 'keys', 'init', 'keys', '--repo', 'repo', '--product', 'gateway');
    await publish(cli, '1');
    await cp(cli.directory, shop, { recursive: true });
  };
  return async (t) => {
    made ??= make(t);
    await made;
    const cli = await createJsonCli(t);
    const inside = (name: string): string => join(cli.directory, name);
    await cp(shop, cli.directory, { recursive: true });
    for (const slot of ['slot-a', 'slot-b']) await writeFile(inside(slot), Buffer.alloc(SLOT));
    const desk: Desk = {
      ...cli,
      configure: (changes) => writeFile(inside('device.yaml'), deskConfig(inside('device.yaml'), changes)),
      publish: (version) => publish(cli, version),
      async inSlot(slot) {
        const bytes = await readFile(inside(`slot-${slot.toLowerCase()}`));
        const found = Object.entries(IMAGES).find(([, image]) =>
          bytes.subarray(0, image.length).equals(image),
        );
        return found?.[0];
      },
    };
    await desk.configure();
    return desk;
  };
}

async function publish(cli: JsonCli, version: string): Promise<void> {
  await writeFile(join(cli.directory, 'rootfs'), IMAGES[version]!);
  const release = ['--version', version, '--image', 'rootfs=rootfs', '--channel', 'stable', '--workers', '1'];
  await cli.json(0, ...PUBLISH, ...release);
}

/** @param path of the configuration itself, for the restart */
function deskConfig(path: string, changes: Readonly<Record<string, string>> = {}): string {
  const reboot = JSON.stringify([process.execPath, main, 'device', 'simulate-boot', path]);
  return sampleConfig({
    repositories: 'repositories: [repo]',
    trust: 'trust: { root: keys/root.json }',
    components: `components:
  - name: rootfs
    installer: { type: slots, slots: [{ device: slot-a, boot: A }, { device: slot-b, boot: B }] }`,
    bootLoader: 'bootLoader: { type: simulated, state: boot.json }',
    hooks: `hooks:
  reboot: { command: ${reboot} }
  health: { command: [sh, -c, "! test -e $0/sick", ${JSON.stringify(join(path, '..'))}] }`,
    stateDirectory: 'stateDirectory: state',
    ...changes,
  });
}
