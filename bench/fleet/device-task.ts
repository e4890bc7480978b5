/**
 * What a process that plays devices is told, and tells.
 *
 * @module
 */
import type { DeviceReport } from './fleet-report.ts';

export interface DeviceTask {
  /** Its place among all devices. */
  readonly number: number;
  /** `none`, or the version that it has. */
  readonly from: string;
  /** The image of that version; devices share the file, as they only read it. */
  readonly seed: string | undefined;
  /** Base URLs, the first one preferred. */
  readonly mirrors: readonly string[];
}

export interface FleetTask {
  readonly devices: readonly DeviceTask[];
  /** Fetches at a time. */
  readonly atOnce: number;
  /** SHA-256 of the image that all of them must end with. */
  readonly expected: string;
  /** The root of trust: a file. */
  readonly root: string;
  readonly product: string;
  /** Where images are written; each is removed once it was compared. */
  readonly directory: string;
}

export type DeviceMessage =
  | { readonly kind: 'began' }
  | { readonly kind: 'ended'; readonly report: DeviceReport };
