/**
 * Whether a device may have a release, told from the verified manifest alone, before anything else is read of
 * the release and anything is written. The first check that fails decides; only the roll-out is asked of
 * somebody else, last.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import type { Manifest } from '../format/manifest.ts';
import type { TrustedRelease } from '../trust/releases.ts';
import { openGate, type RolloutGate } from './rollout-gate.ts';

/** What a device knows of itself. */
export interface DeviceFacts {
  readonly hardware?: string | undefined;
  readonly variant?: string | undefined;
  readonly siltVersion: string;
  /** Counter below which nothing is accepted; 0 when there never was one. */
  readonly floor: number;
  /** Of the release that is installed: 0 when none is. Default: the Floor stands for it. */
  readonly installedCounter?: number | undefined;
  readonly rollout?: RolloutGate | undefined;
}

/**
 * Checks, in this order: version of silt, hardware and variant, stepping stone, Floor, roll-out.
 *
 * @throws SiltError NOT_COMPATIBLE, DOWNGRADE_REFUSED, NOT_ELIGIBLE
 */
export async function checkRelease(release: TrustedRelease, device: DeviceFacts): Promise<void> {
  const { manifest } = release;
  checkSilt(manifest, device);
  checkHardware(manifest, device);
  checkSteppingStone(manifest, device);
  checkFloor(release, device);
  await checkRollout(manifest, device.rollout ?? openGate);
}

const nameOf = ({ product, version }: Manifest): string => `${product} ${version}`;

function checkSilt(manifest: Manifest, { siltVersion }: DeviceFacts): void {
  const expected = manifest.requires?.silt;
  if (expected === undefined || isAtLeast(siltVersion, expected)) return;
  throw new SiltError(
    'NOT_COMPATIBLE',
    `${nameOf(manifest)} needs silt ${expected} or later, this is silt ${siltVersion}; update silt first`,
    { details: { expected, found: siltVersion } },
  );
}

/** By Semantic Versioning 2.0, §11; a pre-release counts as older than its release. */
function isAtLeast(version: string, least: string): boolean {
  const [release = '', preRelease] = version.split('+', 1)[0]?.split(/-(.*)/s) ?? [];
  const found = release.split('.').map(Number);
  for (const [i, wanted] of least.split('.').map(Number).entries()) {
    const part = found[i] ?? Number.NaN;
    // What is no number is not known to be enough.
    if (part !== wanted) return part > wanted;
  }
  return preRelease === undefined;
}

function checkHardware(manifest: Manifest, { hardware, variant }: DeviceFacts): void {
  const { hardware: kinds } = manifest;
  if (kinds === undefined) return;
  const expected = shortened(
    kinds.map(({ name, variants }) => [name, ...(variants ?? [])].join(' ')).join(', '),
  );
  const refuse = (found: string | undefined, sentence: string): SiltError =>
    new SiltError('NOT_COMPATIBLE', `${nameOf(manifest)} is for ${expected}; ${sentence}`, {
      details: { expected, found },
    });
  if (hardware === undefined) throw refuse(undefined, 'say what this device is with --hardware');
  const same = kinds.filter(({ name }) => name === hardware);
  if (same.length === 0) throw refuse(hardware, `this device is ${hardware}: choose a release for it`);
  if (same.some(({ variants }) => variants === undefined)) return;
  if (variant === undefined)
    throw refuse(hardware, `say which variant of ${hardware} this is with --variant`);
  if (same.some(({ variants }) => variants?.includes(variant) === true)) return;
  const found = `${hardware}:${variant}`;
  throw refuse(found, `this device is ${found}: choose a release for it`);
}

/** A list of hardware may have tens of thousands of names. */
const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** A device that holds nothing needs no stepping stone; one that does not say what it holds is asked. */
function checkSteppingStone(manifest: Manifest, { installedCounter, floor }: DeviceFacts): void {
  const expected = manifest.requires?.counter;
  if (expected === undefined || installedCounter === 0) return;
  const found = installedCounter ?? floor;
  if (found >= expected) return;
  const advice =
    installedCounter === undefined && floor === 0
      ? 'say which is installed with --installed COUNTER, 0 when none is'
      : `this one has ${found}: install a release between the two first`;
  throw new SiltError(
    'NOT_COMPATIBLE',
    `${nameOf(manifest)} needs a device with release counter ${expected} or later; ${advice}`,
    { details: { expected, found: installedCounter ?? (floor === 0 ? undefined : floor) } },
  );
}

function checkFloor({ manifest, allowDowngradeFrom }: TrustedRelease, device: DeviceFacts): void {
  const { floor, installedCounter } = device;
  if (manifest.counter >= floor) return;
  const excepted = (counter: number | undefined): boolean =>
    counter !== undefined && allowDowngradeFrom.includes(counter);
  if (excepted(floor) || excepted(installedCounter)) return;
  throw new SiltError(
    'DOWNGRADE_REFUSED',
    `${nameOf(manifest)} has counter ${manifest.counter}, and this device accepts none below ${floor}; ` +
      'publish it again as a newer release, or sign an exception with "silt channel --allow-downgrade-from"',
    { details: { expected: floor, found: manifest.counter } },
  );
}

async function checkRollout(manifest: Manifest, gate: RolloutGate): Promise<void> {
  const answer = await gate.eligible(manifest);
  if (answer === true) return;
  const retryAfter = answer.retryAfter?.toISOString();
  throw new SiltError(
    'NOT_ELIGIBLE',
    `${nameOf(manifest)} is not for this device yet: ${answer.reason}; ` +
      `ask again ${retryAfter === undefined ? 'later' : `after ${retryAfter}`}`,
    { details: { reason: answer.reason, retryAfter } },
  );
}
