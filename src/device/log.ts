/**
 * What the device side says while it works; the command line writes it for people or as JSON lines.
 *
 * @module
 */

export interface LogEntry {
  readonly level: 'info' | 'warning' | 'error';
  /** What it is about, for machines: `check`, a phase of the update, `hook`, `report`, `schedule`. */
  readonly topic: string;
  /** For people, a whole sentence without the full stop. */
  readonly message: string;
  /** Plain data. */
  readonly data?: Readonly<Record<string, string | number | boolean | undefined>>;
}

export type Log = (entry: LogEntry) => void;
