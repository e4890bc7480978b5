/**
 * What a device tells of its updates, for whoever runs the fleet. docs/guides/feedback.md.
 *
 * @module
 */

/**
 * | kind | told when |
 * |---|---|
 * | `started` | a release was found and is to be installed |
 * | `progress` | some more of it has been fetched |
 * | `installed` | all is installed, verified and put in use; not yet started |
 * | `booted` | the new system has started |
 * | `healthy` | it works: the update is done |
 * | `failed` | the update has failed; `code` and `message` say why |
 * | `rolledBack` | what was there before is in use again |
 */
export type EventKind = 'started' | 'progress' | 'installed' | 'booted' | 'healthy' | 'failed' | 'rolledBack';

/** One thing to tell. Written again after a power cut it has the same id, by which a server tells it apart. */
export interface DeviceEvent {
  /** Unique: the update, the kind, and a number where there are several of a kind. */
  readonly id: string;
  readonly kind: EventKind;
  /** When, by the clock of the device: RFC 3339, UTC. */
  readonly time: string;
  /** Id of the update, the same in all of its events. */
  readonly update: string;
  readonly product: string;
  readonly version: string;
  readonly counter: number;
  /** Of `progress`: bytes of the images that are done, and all. */
  readonly done?: number;
  readonly total?: number;
  /** Of `failed` and `rolledBack`. */
  readonly code?: string;
  readonly message?: string;
  readonly phase?: string;
  readonly component?: string;
}

/** Where events wait until they are delivered. */
export interface Outbox {
  /**
   * Keeps `event`, durably; one whose id is kept already is not kept again.
   *
   * @throws SiltError NO_SPACE, IO_FAILED
   */
  add(event: DeviceEvent): Promise<void>;
}
