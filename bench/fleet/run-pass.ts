/**
 * One pass of the whole fleet: two nodes of a CDN with cold caches before the origin, and processes full of devices
 * before these. With faults, fronts between all of them commit those.
 *
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FaultProxy, type FaultRule, startFaultProxy } from '../../test/support/fault-proxy.ts';
import { launchNginx, type Nginx } from '../../test/support/nginx.ts';
import { seededRandom } from '../../test/support/seeded-bytes.ts';
import type { DeviceMessage, DeviceTask, FleetTask } from './device-task.ts';
import { downFor, faultRules } from './fleet-faults.ts';
import { type FleetOrigin, PRODUCT } from './fleet-origin.ts';
import { countStatuses, type DeviceReport, type PassReport } from './fleet-report.ts';

const program = fileURLToPath(new URL('devices.ts', import.meta.url));

export interface PassOptions {
  readonly name: string;
  readonly directory: string;
  readonly origin: FleetOrigin;
  /** Images by version, the oldest first, the one to come to last. */
  readonly paths: readonly string[];
  readonly devices: number;
  readonly processes: number;
  /** Fetches at a time in each process. */
  readonly atOnce: number;
  readonly faults: boolean;
}

/** Requests of a device that faults are spread over; there are rarely more. */
const REQUESTS_OF_DEVICE = 20;

/** Runs it. */
export async function runPass(options: PassOptions): Promise<PassReport> {
  await using stack = new AsyncDisposableStack();
  const { origin, faults, devices } = options;
  const directory = join(options.directory, faults ? 'faults' : 'undisturbed');
  mkdirSync(directory);
  const front = async (
    url: string,
    where: 'devices' | 'origin',
    seed: number,
    first: readonly FaultRule[] = [],
  ): Promise<FaultProxy> => {
    const rules = faults ? [...first, ...faultRules(where, devices * REQUESTS_OF_DEVICE, seed)] : [];
    const proxy = await startFaultProxy(url, { rules });
    stack.defer(() => proxy.close());
    return proxy;
  };
  const before = await front(origin.url, 'origin', 1);
  const nodes: Nginx[] = [];
  const fronts: FaultProxy[] = [];
  for (const name of ['a', 'b']) {
    const node = await launchNginx({ origin: before.url, replace: logging(join(directory, name)) });
    stack.defer(() => node.close());
    nodes.push(node);
    const down = name === 'b' ? [downFor(devices)] : [];
    if (faults) fronts.push(await front(node.url, 'devices', 2 + fronts.length, down));
  }
  const urls = (faults ? fronts : nodes).map(({ url }) => url + origin.path);
  const began = performance.now();
  const played = await playFleet(options, directory, urls);
  const seconds = (performance.now() - began) / 1000;
  const logs = ['a', 'b'].map((name) => join(directory, name)).filter((path) => existsSync(path));
  return {
    ...{ name: options.name, ...played, seconds },
    cache: countStatuses(logs.map((path) => readFileSync(path, 'utf8')).join('')),
    origin: before.count(),
    faults: [before, ...fronts].reduce(
      (sum, { log }) => sum + log.filter(({ fault }) => fault !== undefined).length,
      0,
    ),
  };
}

/** Lets nginx write what its cache makes of each request. */
function logging(path: string): [string, string][] {
  return [
    ['proxy_cache_path ', "log_format fleet '$upstream_cache_status';\nproxy_cache_path "],
    ['server_name _;', `server_name _;\n    access_log ${path} fleet;`],
  ];
}

async function playFleet(
  { origin, paths, devices, processes, atOnce }: PassOptions,
  directory: string,
  urls: readonly string[],
): Promise<{ devices: DeviceReport[]; atOnce: number }> {
  const tasks = Array.from({ length: devices }, (_, number) => deviceTask(number, paths, urls));
  const reports: DeviceReport[] = [];
  let [underWay, most] = [0, 0];
  const hear = (message: DeviceMessage): void => {
    underWay += message.kind === 'began' ? 1 : -1;
    most = Math.max(most, underWay);
    if (message.kind === 'ended') reports.push(message.report);
  };
  const children = Array.from({ length: processes }, (_, at) => {
    const own = tasks.filter(({ number }) => number % processes === at);
    const { expected, root } = origin;
    return startDevices({ devices: own, atOnce, expected, root, product: PRODUCT, directory }, hear);
  });
  await Promise.all(children);
  if (reports.length !== devices) throw new Error(`${devices - reports.length} devices never ended`);
  return { devices: reports, atOnce: most };
}

/** One in ten has nothing; of the others most have the release before the last. */
function deviceTask(number: number, paths: readonly string[], urls: readonly string[]): DeviceTask {
  const random = seededRandom(number);
  const isNew = random() < 0.1;
  const back = 1 + Math.floor(random() ** 2 * (paths.length - 1));
  const at = paths.length - 1 - back;
  const mirrors = random() < 0.5 ? urls : urls.toReversed();
  return isNew
    ? { number, from: 'none', seed: undefined, mirrors }
    : { number, from: `${at + 1}`, seed: paths[at], mirrors };
}

async function startDevices(task: FleetTask, hear: (message: DeviceMessage) => void): Promise<void> {
  const child: ChildProcess = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.on('message', hear);
  child.send(task);
  const [status] = await once(child, 'exit');
  process.off('exit', kill);
  if (status !== 0) throw new Error(`a process of devices ended with ${status}`);
}
