/**
 * The time that expiry is held against. A device's clock may be anything, so what was verified counts too: a
 * signature proves that its time has come. A clock set back revives nothing, and a clock set ahead refuses but
 * leaves no trace, since it is never stored.
 *
 * @module
 */
import type { Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { SiltError } from '../../core/errors.ts';
import { isJsonObject } from './strict-json.ts';

export type AnySigned = Root | Timestamp | Snapshot | Targets;

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const DAY = 86_400_000;
/** A clock this far from what was verified last is probably wrong. */
const FAR = 30 * DAY;

/** The time at which silt signed this; metadata made by others does not say. */
export function createdOf(signed: AnySigned): Date | undefined {
  const { silt } = signed.unrecognizedFields;
  const created = isJsonObject(silt) ? silt.created : undefined;
  if (typeof created !== 'string' || !RFC_3339.test(created)) return undefined;
  const date = new Date(created);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** The time of one run: that of the clock when the run began, or of the newest signature where that is later. */
export class TrustedTime {
  readonly #clock: number;
  #verified = Number.NEGATIVE_INFINITY;

  /** @param clock read once (TUF 1.0, §5.1) */
  constructor(clock: Date) {
    const time = clock.getTime();
    this.#clock = Number.isNaN(time) ? 0 : time;
  }

  get now(): Date {
    return new Date(Math.max(this.#clock, this.#verified));
  }

  /** Hears of metadata whose signatures are verified. */
  learn(signed: AnySigned): void {
    this.#verified = Math.max(this.#verified, createdOf(signed)?.getTime() ?? Number.NEGATIVE_INFINITY);
  }

  /**
   * Demands that `signed` has not expired.
   *
   * @throws SiltError TRUST_EXPIRED
   */
  requireFresh(role: string, { expires }: AnySigned): void {
    const { now } = this;
    if (now.getTime() < Date.parse(expires)) return;
    const time = seconds(now);
    throw new SiltError('TRUST_EXPIRED', `${role} expired at ${expires}; it is ${time}${this.#hint()}`, {
      details: { role, expires, time },
    });
  }

  #hint(): string {
    const ahead = this.#clock - this.#verified;
    if (!Number.isFinite(ahead) || Math.abs(ahead) < FAR) return ': wait for the publisher to sign anew';
    const last = seconds(new Date(this.#verified));
    if (ahead < 0)
      return ` by the last verified signature, and the clock says ${seconds(new Date(this.#clock))}`;
    return ` by the clock, but the last verified signature is of ${last}: check the clock`;
  }
}

function seconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
