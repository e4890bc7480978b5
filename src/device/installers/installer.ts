/**
 * What an update does to one component. Every step may be repeated after a power cut: it finds what it has done
 * already, by looking and not by remembering.
 *
 * @module
 */

/** What a component holds. */
export interface InstallerStatus {
  /** Whether something is installed and in use. */
  readonly present: boolean;
  /** The version in use, where the component can tell. */
  readonly version?: string;
}

/** Where the fetcher is to write the image of the component. */
export interface Preparation {
  readonly output: string;
  /** Write into what is there, as into a block device. */
  readonly inPlace: boolean;
  /** Files and devices that may hold some of it. */
  readonly seeds: readonly string[];
}

/** The image that has been fetched and verified. */
export interface InstallImage {
  readonly version: string;
  /** {@link Preparation.output}. */
  readonly path: string;
  readonly size: number;
  /** SHA-256, hexadecimal. */
  readonly sha256: string;
}

export interface InstallOptions {
  readonly signal?: AbortSignal | undefined;
  /** How far a step is, in a unit of its own: bytes read back, or what an external program counts. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** The image was read back from the medium a moment ago, and need not be again. */
  readonly verified?: boolean | undefined;
}

/**
 * Two-phase: after `install` the new version is complete, verified and durable, and the old one is still in use;
 * `commit` puts the new one in use, in one atomic step where the kind of component has one; `rollback` puts the
 * old one in use, whatever has been done, and `finish` lets go of what rolling back would need.
 */
export interface Installer {
  status(options?: InstallOptions): Promise<InstallerStatus>;
  /** Makes room; from here on the target may be overwritten. Nothing in use changes. */
  prepare(version: string, options?: InstallOptions): Promise<Preparation>;
  /** @throws SiltError INSTALL_FAILED, NO_SPACE, IO_FAILED */
  install(image: InstallImage, options?: InstallOptions): Promise<void>;
  commit(image: InstallImage, options?: InstallOptions): Promise<void>;
  rollback(options?: InstallOptions): Promise<void>;
  finish(options?: InstallOptions): Promise<void>;
}
