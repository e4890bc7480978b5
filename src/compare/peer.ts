/**
 * What a benchmark knows of a tool: how to publish releases of one image with it, and how a device takes the
 * newest. One file a tool lies in `peers/`.
 *
 * @module
 */

/** A program that a peer runs, and where one gets it. */
export interface Program {
  /** Looked up in the PATH, or an absolute path. */
  readonly command: string;
  /** What makes it print its version; its first line is kept. Empty for a program that has no such option. */
  readonly versionArgs: readonly string[];
  /** How to install it, for whoever has not: `apt-get install casync`. */
  readonly install: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** File that takes what the program writes to its standard output. */
  readonly stdout?: string;
  /** Exit statuses that are no failure. Default: 0 alone. */
  readonly accept?: readonly number[];
}

/** Runs a program to its end. What it used is added to the job's account. @throws Error unless it succeeds */
export type Run = (command: string, args: readonly string[], options?: RunOptions) => Promise<void>;

export interface PublishJob {
  /** The directory that will be served; empty before release 1, kept from release to release. */
  readonly site: string;
  /** A directory for what the build side keeps from release to release and does not serve. */
  readonly work: string;
  /** 1 for the first release. */
  readonly release: number;
  /** The image of this release, a file that may be read but not changed. */
  readonly image: string;
  /** The image of the release before; `undefined` for the first. */
  readonly previous: string | undefined;
  readonly run: Run;
}

export interface FetchJob {
  /** Where the site is served, with a slash at the end. */
  readonly url: string;
  /** The release that is wanted. */
  readonly release: number;
  /** The image of the release before, which the device has; `undefined` for a first install. */
  readonly seed: string | undefined;
  /** Where the device keeps what helps the next update, between `prepare` and `fetch`. */
  readonly state: string;
  /** Where the image belongs: a file that does not exist at the first attempt. */
  readonly output: string;
  readonly run: Run;
  /** Takes `path` of the site to the file `to`, going on where an interrupted one stopped. */
  readonly download: (path: string, to: string) => Promise<void>;
}

/** What an object of a site is, for the account of bytes. */
export type Kind = 'data' | 'index' | 'metadata';

export interface Peer {
  /** Short, for the command line and JSON: `casync-64k`. */
  readonly name: string;
  /** One line for people: what it is and with which settings. */
  readonly title: string;
  /** `chunks`: from any seed; `delta`: from the release before alone; `full`: the whole image. */
  readonly family: 'chunks' | 'delta' | 'full';
  readonly programs: readonly Program[];
  /** Why the tool cannot or need not take images of these sizes; `undefined` when it can. */
  readonly refuses?: (oldBytes: number, newBytes: number) => string | undefined;
  publish(job: PublishJob): Promise<void>;
  /** Puts into `state` what a device has from its last update; not on the account. */
  readonly prepare?: (job: Omit<FetchJob, 'output'>) => Promise<void>;
  /** One attempt; on a bad line it is called again, with what the last one left in place. */
  fetch(job: FetchJob): Promise<void>;
  /** What the object at this path of the site (no leading slash) is. */
  kindOf(path: string): Kind;
}
