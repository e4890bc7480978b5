/**
 * Every peer with its real programs: what it publishes comes to a device, whole, over a real line. Peers whose
 * programs are not here are skipped, and say what to install.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { downloadFile } from '../../../src/compare/download.ts';
import { findProgram } from '../../../src/compare/find-program.ts';
import { LINKS, type Link } from '../../../src/compare/link.ts';
import { openAccount } from '../../../src/compare/measured-run.ts';
import type { FetchJob, Peer } from '../../../src/compare/peer.ts';
import { allPeers } from '../../../src/compare/peers.ts';
import { type SiteCount, startSite } from '../../../src/compare/site.ts';
import { newImage, oldImage } from '../../support/release-images.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const tools = process.env.SILT_TOOLS ?? join(homedir(), '.cache', 'silt-tools');
const env = { ...process.env, PATH: `${tools}:${process.env.PATH}` };

/** What a killed program leaves in its temporary directory goes with the test's. */
const envIn = (directory: string) => ({ ...env, TMPDIR: directory });
const [lan, lte] = LINKS as readonly [Link, Link];

interface Device {
  readonly peer: Peer;
  readonly link: Link;
  readonly scenario: 'update' | 'install';
  /** Where the releases are, and their images. */
  readonly directory: string;
  /** Where the device keeps its things; a second fetch goes on with what the first has left there. */
  readonly own: string;
}

for (const peer of allPeers([process.execPath, main])) {
  const absent = peer.programs.find(({ command }) => findProgram(command, env) === undefined);
  if (absent !== undefined) {
    test.skip(`${peer.name}: there is no ${absent.command} here (${absent.install})`, () => {});
    continue;
  }
  test.serial(`${peer.name} brings releases to devices, also to one that was killed over it`, async (t) => {
    const device = await publish(t, peer);
    const { requests, bytes } = await fetchWhole(t, device);
    t.true(requests >= 1);
    t.true(bytes.data > 0);
    if (peer.family !== 'full') t.true(bytes.data < newImage.length / 2, `${bytes.data} bytes`);

    // Where it was is not known, nor whether it came to its end; the next one must get there in any case.
    const killed = { ...device, own: await temporaryDirectory(t) };
    await fetchOnce({ ...killed, link: lte }, { timeoutSeconds: 0.25 }).catch(() => {});
    await fetchWhole(t, killed);

    const fresh = { ...device, own: await temporaryDirectory(t), scenario: 'install' } as const;
    if (peer.family !== 'delta' || peer.name === 'ostree') await fetchWhole(t, fresh);
    else await t.throwsAsync(fetchOnce(fresh), { message: /release before/ });
  });
}

/** Publishes both releases. */
async function publish(t: ExecutionContext, peer: Peer): Promise<Device> {
  const directory = await temporaryDirectory(t);
  const [site, work] = [join(directory, 'site'), join(directory, 'work')];
  const [old, next] = [join(directory, 'old'), join(directory, 'new')];
  await Promise.all([mkdir(site), mkdir(work), writeFile(old, oldImage), writeFile(next, newImage)]);
  const { run, usage } = openAccount({ env: envIn(directory) });
  await peer.publish({ site, work, release: 1, image: old, previous: undefined, run });
  await peer.publish({ site, work, release: 2, image: next, previous: old, run });
  t.true(usage().wallSeconds > 0);
  return { peer, link: lan, scenario: 'update', directory, own: await temporaryDirectory(t) };
}

async function fetchWhole(t: ExecutionContext, device: Device): Promise<SiteCount> {
  const count = await fetchOnce(device);
  t.true((await readFile(join(device.own, 'image'))).equals(newImage), `another image by ${device.scenario}`);
  return count;
}

/** One attempt, on a device that is made ready for it unless there has been one before. */
async function fetchOnce(device: Device, limit: { timeoutSeconds?: number } = {}): Promise<SiteCount> {
  const { peer, link, scenario, directory, own } = device;
  const state = join(own, 'state');
  const seed = scenario === 'update' ? join(directory, 'old') : undefined;
  const jobAt = (url: string, limits: { timeoutSeconds?: number }): FetchJob => ({
    ...{ url, release: 2, seed, state, output: join(own, 'image') },
    run: openAccount({ env: envIn(own), ...limits }).run,
    download: (path, to) => downloadFile(new URL(path, url).href, to),
  });
  const site = join(directory, 'site');
  if (!existsSync(state)) {
    await mkdir(state);
    await using ready = await startSite(site, lan, peer.kindOf);
    if (seed !== undefined) await peer.prepare?.(jobAt(ready.url, {}));
  }
  await using server = await startSite(site, link, peer.kindOf);
  await peer.fetch(jobAt(server.url, limit));
  return server.count();
}
