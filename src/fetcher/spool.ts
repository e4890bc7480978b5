/**
 * A scratch file of byte runs: what must be kept but not in memory. Nothing in it survives the run.
 *
 * @module
 */
import { closeSync, readSync } from 'node:fs';
import { openSync, unlinkSync, writeSync } from '../io/disk.ts';
import { ioError } from '../io/io-error.ts';

export class Spool {
  readonly #path: string;
  readonly #fd: number;
  #end = 0;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = openSync(path, 'w+');
      // Without a name it goes away with the process, however that ends.
      unlinkSync(path);
    } catch (error) {
      throw ioError(error, 'create', path);
    }
  }

  /** Appends bytes; returns where they begin. @throws SiltError NO_SPACE, IO_FAILED */
  append(bytes: Uint8Array): number {
    const at = this.#end;
    try {
      writeSync(this.#fd, bytes, at);
    } catch (error) {
      throw ioError(error, 'write', this.#path);
    }
    this.#end += bytes.length;
    return at;
  }

  read(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    try {
      for (let done = 0; done < length; ) {
        const count = readSync(this.#fd, bytes, done, length - done, at + done);
        if (count === 0) break;
        done += count;
      }
    } catch (error) {
      throw ioError(error, 'read', this.#path);
    }
    return bytes;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
