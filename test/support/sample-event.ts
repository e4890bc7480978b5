/**
 * Events of a device for tests.
 *
 * @module
 */
import type { DeviceEvent, EventKind } from '../../src/device/report/event.ts';

const UPDATE = '3a0f5a52-6d4e-4f43-9a52-0d6f3f4f9c11';

/** The event number `n` of one update; its id is `e` and that number. */
export function sampleEvent(
  n: number,
  kind: EventKind = 'booted',
  changes: Partial<DeviceEvent> = {},
): DeviceEvent {
  return {
    id: `e${n}`,
    kind,
    time: new Date(Date.UTC(2026, 10, 1) + n * 1000).toISOString(),
    update: UPDATE,
    product: 'gateway',
    version: '1.4.0',
    counter: 12,
    ...changes,
  };
}
