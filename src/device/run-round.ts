/**
 * One round of the agent: the update as far as it goes, while reports of it are delivered.
 *
 * @module
 */
import { isSiltError } from '../core/errors.ts';
import { sleep as realSleep, type Sleep } from '../core/sleep.ts';
import { pause } from './schedule/pause.ts';
import type { Device } from './update/device.ts';
import type { RunOptions, UpdateResult } from './update/update-result.ts';

/** Between two deliveries while an update runs. */
const COURIER_MS = 60_000;

export interface RoundOptions {
  /** `runUpdate`. */
  readonly update: (device: Device, options: RunOptions) => Promise<UpdateResult>;
  /** Delivers what waits in the outbox, if it is time to, and says when the rest is due. Default: nobody wants reports. */
  readonly deliver?: ((signal: AbortSignal) => Promise<{ readonly notBefore: Date | undefined }>) | undefined;
  /** Runs `action` as the only one that changes the device. @throws SiltError LOCKED */
  readonly exclusively: <T>(action: () => Promise<T>) => Promise<T>;
  /** Stops what is under way where it can go on later. */
  readonly stop: AbortSignal;
  /** Go on with an update under way, but look for no other. */
  readonly offline?: boolean | undefined;
  readonly sleep?: Sleep | undefined;
}

/**
 * Runs the update of `device`, and delivers what waits in its outbox before, meanwhile and after.
 *
 * @throws SiltError as `runUpdate`; LOCKED
 */
export async function runRound(device: Device, options: RoundOptions): Promise<UpdateResult> {
  const { update, exclusively, stop, offline } = options;
  return await exclusively(async () => {
    const over = new AbortController();
    const courier = deliverUntil(over.signal, device, options);
    try {
      return await update(device, { signal: stop, offline });
    } finally {
      over.abort();
      await courier;
      await deliverNow(device, options);
    }
  });
}

/** Delivers now, and every now and then until `over` is aborted. Never throws. */
async function deliverUntil(over: AbortSignal, device: Device, options: RoundOptions): Promise<void> {
  if (options.deliver === undefined) return;
  while (!over.aborted) {
    await deliverNow(device, options);
    await pause(COURIER_MS, [over], options.sleep ?? realSleep);
  }
}

/** Delivers what waits. Never throws: what is not delivered stays in the outbox, and must not disturb an update. */
export async function deliverNow(device: Device, { deliver, stop }: RoundOptions): Promise<void> {
  if (stop.aborted) return;
  try {
    await deliver?.(stop);
  } catch (error) {
    if (!stop.aborted) sayUndelivered(device, error);
  }
}

/** Tells that reports still wait. */
export function sayUndelivered(device: Device, error: unknown): void {
  const code = isSiltError(error) ? error.code : 'INTERNAL';
  const why = error instanceof Error ? error.message : String(error);
  device.log({
    level: 'warning',
    topic: 'report',
    message: `events were not delivered: ${why}`,
    data: { code },
  });
}
