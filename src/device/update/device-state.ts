/**
 * What a device remembers of its updates: what is installed, the update under way and how far it has come, and
 * what went wrong before. One document, so that every transition is one write; `journal.ts` keeps it.
 *
 * @module
 */
import * as v from 'valibot';
import { NAME_PATTERN } from '../../format/manifest.ts';

export const DEVICE_STATE_FORMAT = 'silt-device-state';
export const DEVICE_STATE_VERSION = 1;

/**
 * Where an update stands; each is written before its work begins, and may be begun again after a power cut.
 *
 * | phase | work |
 * |---|---|
 * | `enterRescue` | start the rescue system, since the only slot is the one that runs |
 * | `fetch` | the target is marked bad, images are fetched to where their installers want them |
 * | `verify` | they are read back from the medium |
 * | `preInstall` | maintenance window, deferral, hook |
 * | `install` | every component, in declared order |
 * | `postInstall` | hook; from here on only a failure leads back |
 * | `activate` | window and deferral again, then every component is put in use, the boot loader last |
 * | `reboot` | the device restarts |
 * | `health` | the new system runs and is asked whether it works |
 * | `confirm` | the boot loader keeps it, the Floor rises, what rolling back would need is let go |
 * | `rollBack` | the boot loader starts the old system, components go back in reverse order |
 * | `rebootBack` | the device restarts into the old system |
 * | `failed` | the failure is told: hook, report, and when it is tried again |
 */
export const PHASES = [
  'enterRescue',
  'fetch',
  'verify',
  'preInstall',
  'install',
  'postInstall',
  'activate',
  'reboot',
  'health',
  'confirm',
  'rollBack',
  'rebootBack',
  'failed',
] as const;

export type Phase = (typeof PHASES)[number];

const MAX_COMPONENTS = 64;
const MAX_BLOCKED = 16;

const name = v.pipe(v.string(), v.regex(NAME_PATTERN));
/** 0 is that of {@link FACTORY}. */
const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const bootSlot = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/));
/** Milliseconds since 1970. */
const time = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.pipe(v.string(), v.maxLength(2000));
const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4095));

const failure = v.object({
  /** A code of silt's errors. */
  code: v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9_]{0,63}$/)),
  message: text,
  phase: v.picklist(PHASES),
  component: v.optional(name),
});

const release = v.object({ version: name, counter });

const part = v.object({
  component: name,
  image: name,
  size: count,
  sha256,
  /** Where the fetcher writes it; before that is known, missing. */
  output: v.optional(path),
  /** Whether what is there now is this image already: nothing is done for it. */
  same: v.optional(v.boolean()),
});

const update = v.object({
  id: v.pipe(v.string(), v.uuid()),
  /** `return`: back to the system in another slot, as it is; nothing is fetched or installed. */
  kind: v.picklist(['update', 'return']),
  release: v.object({
    version: name,
    counter,
    /** SHA-256 of the manifest, of which nothing may have changed when it is read again. */
    manifest: v.optional(sha256),
  }),
  phase: v.picklist(PHASES),
  startedAt: time,
  /** An operator asked for this very version: the channel is not followed meanwhile. */
  pinned: v.optional(v.boolean()),
  /** Those that the release has something for, in declared order. */
  parts: v.pipe(v.array(part), v.maxLength(MAX_COMPONENTS)),
  /** Slots by the names of the boot loader, where the update changes what is started. */
  boot: v.optional(v.object({ from: v.optional(bootSlot), target: bootSlot })),
  /** Kernel's id of the boot in which the restart was asked for. */
  bootId: v.optional(v.pipe(v.string(), v.maxLength(64))),
  /** Restarts asked for. */
  reboots: count,
  /** Transitions, and phases begun again: a loop ends here. */
  steps: count,
  /** Putting components in use has begun: from here on nothing is waited for. */
  committing: v.optional(v.boolean()),
  /** How often rolling back was tried. */
  rollBacks: v.optional(count),
  /** An operator said that it is healthy; no hook is asked. */
  verdict: v.optional(v.literal('good')),
  failure: v.optional(failure),
});

const deviceState = v.object({
  format: v.literal(DEVICE_STATE_FORMAT),
  formatVersion: v.literal(DEVICE_STATE_VERSION),
  /** Rises with every write. */
  generation: count,
  /** What runs, and was found healthy. */
  installed: v.optional(
    v.object({
      version: name,
      counter,
      at: time,
      slot: v.optional(bootSlot),
      components: v.record(name, v.object({ version: name, size: count, sha256 })),
    }),
  ),
  /** The release in the other slot, which can be started again. */
  previous: v.optional(v.object({ version: name, counter, slot: bootSlot })),
  update: v.optional(update),
  /** Releases that came up unhealthy or not at all, or failed too often: not tried again by themselves. */
  blocked: v.pipe(v.array(v.object({ ...release.entries, code: text, at: time })), v.maxLength(MAX_BLOCKED)),
  /** Failures in a row, and when to try again. */
  retry: v.optional(
    v.object({
      counter: v.optional(counter),
      failures: count,
      /** Of these, how often the release was fetched and then could not be installed. */
      installs: v.optional(count),
      notBefore: time,
      code: text,
      message: text,
    }),
  ),
  lastCheck: v.optional(v.object({ at: time, repository: path, ...release.entries })),
  lastUpdate: v.optional(
    v.object({
      id: v.pipe(v.string(), v.uuid()),
      ...release.entries,
      outcome: v.picklist(['installed', 'failed', 'rolledBack']),
      at: time,
      /** The slot it went to. */
      target: v.optional(bootSlot),
      failure: v.optional(failure),
    }),
  ),
  /** A release that was found healthy, and how often it has been left since that time; see `fallen.ts`. */
  fallen: v.optional(v.object({ counter, times: count, since: time })),
  /** Components that could not be rolled back. */
  damaged: v.optional(v.pipe(v.array(name), v.maxLength(MAX_COMPONENTS))),
});

export const deviceStateSchema: typeof deviceState = deviceState;
export type DeviceState = v.InferOutput<typeof deviceState>;
export type Update = v.InferOutput<typeof update>;
export type UpdatePart = v.InferOutput<typeof part>;
export type Failure = v.InferOutput<typeof failure>;

/** What came with the device, before silt installed anything: no release, and yet something to go back to. */
export const FACTORY = { version: 'factory', counter: 0 } as const;

/** The state of a device that knows nothing of itself yet. */
export const FIRST_STATE: DeviceState = {
  format: DEVICE_STATE_FORMAT,
  formatVersion: DEVICE_STATE_VERSION,
  generation: 0,
  blocked: [],
};
