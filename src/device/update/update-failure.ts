/**
 * What becomes of a failure: which way back, and when the release is tried again.
 *
 * @module
 */
import { backoffDelay } from '../../core/backoff.ts';
import { type ErrorCode, isSiltError } from '../../core/errors.ts';
import type { DeviceState, Failure, Phase, Update } from './device-state.ts';

const MINUTE = 60_000;
/** The first wait, and the longest one. */
const BACK_OFF = { baseMs: 2 * MINUTE, capMs: 12 * 60 * MINUTE };
/** So often may installing fail before the release is given up. */
const MAX_FAILURES = 3;
const MAX_BLOCKED = 16;
/** A power cut in a first start looks like a system that does not start; one alone, as GRUB gives, says little. */
const LEAST_STARTS = 2;
const MAX_MESSAGE = 1000;

/** Phases in which nothing has been installed. */
const NOT_INSTALLED: readonly Phase[] = ['enterRescue', 'fetch'];
/** Phases in which something may have been put in use. */
const IN_USE: readonly Phase[] = ['activate', 'reboot', 'health'];

/** Not what was wanted any more: no fault of the device or the release. */
export const SUPERSEDED: ErrorCode = 'NOT_ELIGIBLE';
/** An operator does not want it: a reason to go back, and no error. */
export const UNWANTED = 'UNWANTED';

export class Unwanted extends Error {}

/** `error` as it is kept. */
export function failureOf(error: unknown, phase: Phase): Failure {
  if (error instanceof Unwanted) return { code: UNWANTED, message: error.message, phase };
  const message = error instanceof Error ? error.message : String(error);
  const failure = { message: message.slice(0, MAX_MESSAGE), phase };
  if (!isSiltError(error)) return { ...failure, code: 'INTERNAL' };
  const { component } = error.details;
  return { ...failure, code: error.code, ...(typeof component === 'string' && { component }) };
}

export const wasInUse = ({ phase }: Failure): boolean => IN_USE.includes(phase);

/** Whether the release has been started, so that trying it again means starting it again. */
const wasStarted = ({ phase, code }: Failure): boolean =>
  phase === 'health' || (phase === 'reboot' && code === 'BOOT_FAILED');

/**
 * When to try again after a failure at `now`, in milliseconds since 1970.
 *
 * @param counter of the release; `undefined` while none is known, which leaves what is counted of the last one
 */
export function retryAfter(
  before: DeviceState['retry'],
  counter: number | undefined,
  error: { readonly code: string; readonly message: string },
  now: number,
  options: {
    readonly random?: () => number;
    readonly retryAfterMs?: number | undefined;
    /** It had been fetched. */
    readonly isInstall?: boolean;
  } = {},
): NonNullable<DeviceState['retry']> {
  const known = counter ?? before?.counter;
  const last = before?.counter === known ? before : undefined;
  const failures = (last?.failures ?? 0) + 1;
  const { random = Math.random, retryAfterMs, isInstall = false } = options;
  const installs = (last?.installs ?? 0) + (isInstall ? 1 : 0);
  const delay = backoffDelay(Math.min(failures, 20), { ...BACK_OFF, random, retryAfterMs });
  const { code, message } = error;
  return {
    ...(known !== undefined && { counter: known }),
    failures,
    ...(installs > 0 && { installs }),
    notBefore: now + delay,
    code,
    message: message.slice(0, MAX_MESSAGE),
  };
}

/**
 * What is remembered of an update that has failed.
 *
 * @param tries starts that the boot loader gave the new system
 * @param isLeft the device leaves the rescue system that it was restarted into for this; the next try restarts it again
 */
export function afterFailure(
  state: DeviceState,
  update: Update,
  failure: Failure,
  now: number,
  tries: number,
  isLeft = false,
): Pick<DeviceState, 'retry' | 'blocked'> {
  if (failure.code === SUPERSEDED) return { retry: undefined, blocked: state.blocked };
  const { version, counter } = update.release;
  const isInstall = isLeft || !NOT_INSTALLED.includes(failure.phase);
  const retry = retryAfter(state.retry, counter, failure, now, { isInstall });
  const installs = retry.installs ?? 0;
  // Health was asked; what did not come up was given so many starts.
  const hadItsStarts = failure.phase !== 'reboot' || installs * tries >= LEAST_STARTS;
  const isGivenUp =
    failure.code === UNWANTED ||
    (wasStarted(failure) && hadItsStarts) ||
    (isInstall && installs >= MAX_FAILURES);
  if (!isGivenUp) return { retry, blocked: state.blocked };
  return {
    retry: undefined,
    blocked: blockedWith(state.blocked, { version, counter, code: failure.code, at: now }),
  };
}

/** The newest are kept. */
export function blockedWith(
  blocked: DeviceState['blocked'],
  release: DeviceState['blocked'][number],
): DeviceState['blocked'] {
  return [...blocked.filter(({ counter }) => counter !== release.counter), release].slice(-MAX_BLOCKED);
}
