/**
 * Many devices in one process: each has connections, metadata, a state directory, a seed and an output of its own,
 * and the code of `silt fetch`; what they share is a processor. Started by `bench:fleet`, which sends the task.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fetchImage } from '../../src/fetcher/fetch.ts';
import { openHttpStore } from '../../src/store/http.ts';
import { openMirrors } from '../../src/store/mirrors.ts';
import type { MetadataReader, Releases } from '../../src/trust/releases.ts';
import { lookingTwice } from '../../src/trust/second-look.ts';
import { memoryState } from '../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../src/trust/tuf/tuf-releases.ts';
import type { DeviceMessage, DeviceTask, FleetTask } from './device-task.ts';
import type { DeviceReport } from './fleet-report.ts';

/** Times that a device begins, as its agent would at the next polls. */
const MAX_RUNS = 6;

process.once('message', (task: FleetTask) => void playAll(task).finally(() => process.disconnect?.()));

async function playAll(task: FleetTask): Promise<void> {
  const left = [...task.devices];
  const lane = async (): Promise<void> => {
    for (let device = left.shift(); device !== undefined; device = left.shift()) {
      tell({ kind: 'began' });
      tell({ kind: 'ended', report: await play(device, task) });
    }
  };
  await Promise.all(Array.from({ length: task.atOnce }, lane));
}

function tell(message: DeviceMessage): void {
  process.send?.(message);
}

async function play({ number, from, seed, mirrors }: DeviceTask, task: FleetTask): Promise<DeviceReport> {
  const place = join(task.directory, `device-${number}`);
  const output = join(place, 'image');
  await mkdir(place);
  const counts = { requests: 0, bytes: 0, failed: 0, retries: 0 };
  const onRequest = ({ status, bytes }: { readonly status: number; readonly bytes: number }): void => {
    counts.requests += 1;
    counts.bytes += bytes;
    if (status === 0 || status === 429 || status >= 500) counts.failed += 1;
  };
  const onRetry = (): void => {
    counts.retries += 1;
  };
  const store = openMirrors(mirrors.map((url) => openHttpStore(url, { onRequest })));
  const state = memoryState();
  const factoryRoot = readFileSync(task.root);
  const releases = lookingTwice(
    (on: MetadataReader): Releases => openTufReleases({ store: on, state, factoryRoot }),
  );
  const began = performance.now();
  let problem: string | undefined;
  let runs = 0;
  let isRight = false;
  while (!isRight && runs < MAX_RUNS) {
    runs += 1;
    try {
      await fetchImage(store, releases, {
        product: task.product,
        selector: { channel: 'stable' },
        output,
        seeds: seed === undefined ? [] : [seed],
        stateDirectory: join(place, 'state'),
        retry: { onRetry },
      });
      isRight = (await digestOf(output)) === task.expected;
      if (!isRight) problem = 'the image is not the one that was published';
      // Nothing may be wrong with what was taken for right.
      if (!isRight) break;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  }
  const seconds = (performance.now() - began) / 1000;
  await store.close();
  await rm(place, { recursive: true, force: true });
  return { from, isRight, problem, ...counts, runs, seconds };
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
