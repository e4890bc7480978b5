/**
 * The lines a device may hang on.
 *
 * @module
 */

export interface Link {
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** Throughput of each direction, all connections together. */
  readonly bytesPerSecond: number;
  readonly roundTripMs: number;
  /** Chance of each segment of 1,460 bytes to be lost and sent again, 0 to 1. */
  readonly loss: number;
  /** A connection is reset after this many bytes in the mean; 0 for never. */
  readonly resetAfterBytes: number;
}

export const LINKS: readonly Link[] = [
  {
    name: 'lan',
    title: 'LAN, 1 Gbit/s, 1 ms',
    bytesPerSecond: 125_000_000,
    roundTripMs: 1,
    loss: 0,
    resetAfterBytes: 0,
  },
  {
    name: 'lte',
    title: 'LTE, 20 Mbit/s, 50 ms',
    bytesPerSecond: 2_500_000,
    roundTripMs: 50,
    loss: 0,
    resetAfterBytes: 0,
  },
  {
    name: '3g',
    title: 'bad 3G, 1 Mbit/s, 300 ms, 1 % loss, resets',
    bytesPerSecond: 125_000,
    roundTripMs: 300,
    loss: 0.01,
    resetAfterBytes: 2_000_000,
  },
];
