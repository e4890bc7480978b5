/**
 * A pair that this machine cannot make: no error, but something to tell.
 *
 * @module
 */

/** The message says what the machine lacks. */
export class CannotMake extends Error {}
