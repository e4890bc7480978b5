/**
 * What a release costs: the objects that it adds, the requests that store them, and what devices fetch, by the
 * release that they have. With prices and a fleet, in money.
 *
 * @module
 */
import { inOrder } from '../core/in-order.ts';
import { MiB } from '../core/sizes.ts';
import type { Manifest } from '../format/manifest.ts';
import type { ReadStore } from '../store/store.ts';
import { addPlans, type DevicePlan, type PlanOptions, planDevice } from './device-plan.ts';
import { type Charges, chargesFor, FIRST_INSTALL, type Fleet, type Prices } from './prices.ts';
import { objectsOf } from './stored-objects.ts';

/** Requests and bytes of the metadata, the manifest included. */
export interface MetadataCosts {
  readonly requests: number;
  readonly bytes: number;
}

export interface StoredCosts {
  readonly objects: number;
  readonly bytes: number;
}

export interface DeviceCosts {
  /** The releases from which it is the same, newest first; none for a first install. */
  readonly from: readonly string[];
  /** `undefined` where the images of the base were cut otherwise, so that only a device can tell. */
  readonly plan: (DevicePlan & { readonly metadataBytes: number }) | undefined;
}

export interface ReleaseCosts {
  readonly product: string;
  readonly version: string;
  /** What no earlier release of the repository has. */
  readonly added: StoredCosts;
  /** What all releases of the repository need. */
  readonly all: StoredCosts;
  /** Sealed releases that could not be opened, of which packs are not counted. */
  readonly closed: number;
  /** Requests that store `added`; metadata is left out. */
  readonly puts: number;
  /** By base, the newest first, and a first install last. */
  readonly devices: readonly DeviceCosts[];
}

/** Releases that are looked into at a time. */
const PARALLEL = 8;

/** Earlier releases of which a plan is made, the newest; and those that a fleet has. */
const MAX_BASES = 16;

export interface CostOptions extends PlanOptions {
  /** What a device asks of the metadata. Default: nothing. */
  readonly metadata?: MetadataCosts | undefined;
  /** Versions to plan from, however old they are. */
  readonly bases?: readonly string[] | undefined;
}

/**
 * Plans what `release` costs.
 *
 * @param releases all of the repository, `release` among them or not yet
 * @throws SiltError what {@link objectsOf} and {@link planDevice} throw
 */
export async function releaseCosts(
  store: ReadStore,
  release: Manifest,
  releases: Iterable<Manifest> | AsyncIterable<Manifest>,
  options: CostOptions = {},
): Promise<ReleaseCosts> {
  const { product, version, counter } = release;
  const own = await objectsOf(store, release, options);
  const all = new Map(own.sizes);
  const added = new Map(own.sizes);
  const earlier: Manifest[] = [];
  let closed = own.isClosed ? 1 : 0;
  const others: Manifest[] = [];
  for await (const other of releases) {
    if (other.product !== product || other.version !== version) others.push(other);
  }
  let at = 0;
  for await (const found of inOrder(others, PARALLEL, (other) => objectsOf(store, other, options))) {
    const { sizes, isClosed } = found;
    const other = others[at++] as Manifest;
    if (isClosed) closed += 1;
    for (const [key, size] of sizes) all.set(key, size);
    const isEarlier = other.product === product ? other.counter < counter : other.created < release.created;
    if (isEarlier) for (const key of sizes.keys()) added.delete(key);
    if (isEarlier && other.product === product && !isClosed) earlier.push(other);
  }
  return {
    product,
    version,
    added: sumOf(added),
    all: sumOf(all),
    closed,
    puts: [...added.values()].reduce((sum, size) => sum + putsFor(size), 0),
    devices: own.isClosed ? [] : await planAll(store, release, earlier, options),
  };
}

async function planAll(
  store: ReadStore,
  release: Manifest,
  earlier: readonly Manifest[],
  { metadata = { requests: 0, bytes: 0 }, bases = [], ...options }: CostOptions,
): Promise<DeviceCosts[]> {
  const newestFirst = earlier.toSorted((a, b) => b.counter - a.counter);
  const wanted = newestFirst.filter(({ version }, at) => at < MAX_BASES || bases.includes(version));
  const sameImages = Map.groupBy(wanted, ({ images }) =>
    images
      .map(({ name, sha256 }) => `${name} ${sha256}`)
      .sort()
      .join(),
  );
  const devices: DeviceCosts[] = [];
  for (const [base, ...others] of [...sameImages.values(), [undefined]]) {
    const found = await planDevice(store, base, release, options);
    const whole = {
      requests: metadata.requests,
      bytes: metadata.bytes,
      indexBytes: 0,
      deltaBytes: 0,
      dataBytes: 0,
    };
    const plan = found && { ...addPlans(found, whole), metadataBytes: metadata.bytes };
    const from = [base, ...others].flatMap((manifest) => (manifest === undefined ? [] : [manifest.version]));
    devices.push({ from, plan });
  }
  return devices;
}

function sumOf(sizes: ReadonlyMap<string, number>): StoredCosts {
  return { objects: sizes.size, bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0) };
}

/** Larger objects go to S3 in parts. */
const MAX_SINGLE_BYTES = 16 * MiB;
const MIN_PART_BYTES = 8 * MiB;
const MAX_PARTS = 10_000;

/** Requests that write an object of `size` bytes: one; or the parts, and one each to begin and to end them. */
export function putsFor(size: number): number {
  if (size <= MAX_SINGLE_BYTES) return 1;
  return Math.ceil(size / Math.max(MIN_PART_BYTES, Math.ceil(size / MAX_PARTS / MiB) * MiB)) + 2;
}

export interface FleetCosts {
  readonly devices: number;
  readonly hitRate: number;
  readonly months: number;
  readonly currency: string | undefined;
  /** Requests and bytes of all devices. */
  readonly requests: number;
  readonly bytes: number;
  readonly charges: Charges;
  /** For a month, all that the repository stores. */
  readonly storageOfAll: number;
  /** What each kind of device makes of it; traffic only. */
  readonly shares: readonly {
    /** As the fleet has it. */
    readonly from: string;
    readonly devices: number;
    readonly requests: number;
    readonly bytes: number;
    /** Its plan is not known: a first install was taken, which is the most it can be. */
    readonly guessed: boolean;
  }[];
}

/**
 * What the release costs for this fleet.
 *
 * @returns `undefined` for a release of which nothing could be planned, since it is sealed for others
 */
export function fleetCosts(costs: ReleaseCosts, prices: Prices, fleet: Fleet): FleetCosts | undefined {
  const first = costs.devices.find(({ from }) => from.length === 0)?.plan;
  if (first === undefined) return undefined;
  const [usual = FIRST_INSTALL] = costs.devices[0]?.from ?? [];
  const given = Object.entries(fleet.from);
  const weights = given.length === 0 ? [[usual, 1] as const] : given;
  const weightOfAll = weights.reduce((sum, [, weight]) => sum + weight, 0);
  const shares = weights.map(([from, weight]) => {
    const devices = (fleet.devices * weight) / weightOfAll;
    const planned = costs.devices.find((device) => device.from.includes(from))?.plan;
    const { requests, bytes } = planned ?? first;
    const guessed = planned === undefined && from !== FIRST_INSTALL;
    return { from, devices, requests: requests * devices, bytes: bytes * devices, guessed };
  });
  const requests = shares.reduce((sum, share) => sum + share.requests, 0);
  const bytes = shares.reduce((sum, share) => sum + share.bytes, 0);
  const { devices, hitRate, months } = fleet;
  const usage = { storedBytes: costs.added.bytes, months, puts: costs.puts, requests, bytes, hitRate };
  const charges = chargesFor(usage, prices);
  const none = { ...usage, puts: 0, requests: 0, bytes: 0 };
  const storageOfAll = chargesFor({ ...none, storedBytes: costs.all.bytes, months: 1 }, prices).storage;
  return {
    devices,
    hitRate,
    months,
    currency: prices.currency,
    requests,
    bytes,
    charges,
    storageOfAll,
    shares,
  };
}
