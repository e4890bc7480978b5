/**
 * Where a TUF client keeps the metadata it trusts between runs. On a device that is two copies of each file,
 * `device-state.ts`; a publisher keeps them in memory only.
 *
 * @module
 */

export interface MetadataState {
  /**
   * What may be kept under `name` (such as `root.json`): the copies, those written last first. Any of them may
   * be torn, empty or gone; none is trusted before its signatures are checked again.
   */
  read(name: string): Promise<readonly Uint8Array[]>;
  /** Replaces all copies, one after another, each at once: a power cut leaves one whole copy. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Keeps nothing beyond the process. */
export function memoryState(): MetadataState {
  const kept = new Map<string, Uint8Array>();
  return {
    async read(name) {
      const bytes = kept.get(name);
      return bytes === undefined ? [] : [bytes];
    },
    async write(name, bytes) {
      kept.set(name, bytes);
    },
    async remove(name) {
      kept.delete(name);
    },
  };
}
