/**
 * Where the bytes of a payload went, stream by stream.
 *
 * @module
 */
export interface PayloadBytes {
  readonly control: number;
  readonly difference: number;
  readonly literal: number;
}
