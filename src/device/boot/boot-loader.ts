/**
 * What an update needs of a boot loader: which slot it starts, how often it tries, and when it falls back. Each
 * change is one atomic write, since the power may fail between two.
 *
 * @module
 */

/** The name of a slot as the boot loader knows it, such as `A`. */
export type BootSlot = string;

export interface SlotState {
  readonly name: BootSlot;
  /** Starts left before the boot loader gives the slot up; `undefined` where it does not count. */
  readonly triesLeft: number | undefined;
  /** False for a slot that is never started: bad, being written, or out of tries. */
  readonly bootable: boolean;
}

export interface BootState {
  /** Slots in the order in which the boot loader would try them; those that it never starts come last. */
  readonly order: readonly SlotState[];
  /** The slot that would be started next; `undefined` when none would. */
  readonly primary: BootSlot | undefined;
}

export interface BootLoader {
  /** @throws SiltError BOOT_STATE_INVALID when what is stored makes no sense; IO_FAILED */
  read(): Promise<BootState>;
  /**
   * Starts `slot` at the next boots, at most `tries` times, and the others in their present order after that.
   *
   * @throws SiltError BOOT_FAILED, BOOT_STATE_INVALID, NO_SPACE, IO_FAILED; the boot loader starts what it would have before
   */
  activate(slot: BootSlot, tries: number): Promise<void>;
  /** Keeps `slot` the first one, from now on without counting down (or with full tries, where it always counts). */
  markGood(slot: BootSlot): Promise<void>;
  /** Never starts `slot` until it is activated again: it is about to be overwritten, or has failed. */
  markBad(slot: BootSlot): Promise<void>;
  /**
   * The slot that runs, of a boot loader that can know it better than the kernel; `undefined` when it does not.
   *
   * @throws SiltError as {@link BootLoader.read}
   */
  booted?(): Promise<BootSlot | undefined>;
  /** Another text after every start, where a start is not one of the kernel; at most 64 characters. */
  bootId?(): Promise<string>;
}
