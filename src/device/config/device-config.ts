/**
 * The configuration of a device: every member, its kind, and what holds where it is left out. What the members
 * mean to users stands in docs/guides/device-config.md, which a test holds to this.
 *
 * @module
 */
import { GiB, KiB } from '../../core/sizes.ts';
import { bootLoader } from './boot-loader-members.ts';
import { components } from './component-members.ts';
import { environment } from './environment-kind.ts';
import { feedback } from './feedback-members.ts';
import { checked, type Kind } from './kind.ts';
import { byDefault, listOf, optional, required, section, shape } from './shapes.ts';
import { choice, command, count, location, name, path, size, textOf } from './text-kinds.ts';
import { duration, timeOfDay, timeZone } from './time-kinds.ts';
import { trust } from './trust-members.ts';

const MAX_REPOSITORIES = 16;
const MAX_WINDOWS = 32;
/** Metadata of TUF, a manifest and the head of an index come to some ten requests and some 30 KiB. */
const LEAST_REQUESTS = 10;
const LEAST_BYTES = 64 * KiB;

const device = checked(
  shape({
    id: optional(
      textOf('an id of letters, digits and . _ : + ~ -, at most 128', /^[A-Za-z0-9][\w.:+~-]{0,127}$/),
    ),
    idFile: optional(path),
    hardware: optional(name),
    variant: optional(name),
  }),
  (found, tell) => {
    const { id, idFile, hardware, variant } = found;
    if (id !== undefined && idFile !== undefined) {
      tell.mistake('expected id or idFile, found both; leave one out', 'idFile');
    }
    if (id === undefined && idFile === undefined) {
      tell.mistake('expected id or idFile, found neither; add one, such as idFile: /etc/machine-id');
    }
    if (variant !== undefined && hardware === undefined) {
      tell.mistake('expected hardware with it, found none; add it', 'variant');
    }
    return found;
  },
);

const hook = (least: string, most: string, timeout: string) =>
  shape(
    {
      command: required(command),
      timeout: byDefault(duration(least, most), timeout),
      environment: optional(environment),
    },
    'a hook',
  );

const hooks = shape({
  preInstall: optional(hook('1s', '1d', '1min')),
  postInstall: optional(hook('1s', '1d', '1min')),
  preReboot: optional(hook('1s', '1d', '1min')),
  reboot: section(
    shape({
      command: byDefault(command, ['systemctl', 'reboot']),
      timeout: byDefault(duration('1s', '1h'), '5min'),
      environment: optional(environment),
    }),
  ),
  health: optional(hook('1s', '1d', '5min')),
  failure: optional(hook('1s', '1d', '1min')),
  defer: optional(hook('1s', '1h', '30s')),
});

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const window = checked(
  shape(
    {
      days: byDefault(listOf(choice(days), { least: 1, most: 7 }, 'days'), days),
      from: required(timeOfDay),
      to: required(timeOfDay),
      timeZone: byDefault(timeZone, 'UTC'),
    },
    'a maintenance window',
  ),
  (found, tell) => {
    if (found.from === 24 * 60) tell.mistake('expected a time before 24:00, where the day ends', 'from');
    if (found.from === found.to)
      tell.mistake('expected another time than from; all day is 00:00 to 24:00', 'to');
    const twice = found.days.findIndex((day, index) => found.days.indexOf(day) !== index);
    if (twice >= 0) tell.mistake(`expected each day once, found ${found.days[twice]} again`, 'days');
    return found;
  },
);

const polling = checked(
  shape({
    interval: byDefault(duration('30s', '30d'), '6h'),
    jitter: byDefault(duration('0s', '7d'), '10min'),
    windows: byDefault(listOf(window, { most: MAX_WINDOWS }, 'maintenance windows'), []),
  }),
  (found, tell) => {
    if (found.jitter > found.interval) {
      const message = `expected at most the interval of ${found.interval} s, found ${found.jitter} s`;
      tell.mistake(`${message}; a tenth of it will do`, 'jitter');
    }
    return found;
  },
);

const budgets = shape({
  maxBytes: optional(size(LEAST_BYTES, 1024 * GiB)),
  maxRequests: optional(count(LEAST_REQUESTS, 1_000_000)),
  seconds: optional(count(10, 7 * 86_400)),
});

export const deviceConfig = shape({
  device: required(device),
  product: required(name),
  channel: byDefault(name, 'stable'),
  repositories: required(listOf(location, { least: 1, most: MAX_REPOSITORIES }, 'repositories')),
  trust: required(trust),
  components: required(components),
  bootLoader: required(bootLoader),
  hooks: section(hooks),
  stateDirectory: byDefault(path, '/var/lib/silt'),
  budgets: section(budgets),
  polling: section(polling),
  feedback: optional(feedback),
});

/** Durations are in seconds, sizes in bytes, times of day in minutes after midnight. */
export type DeviceConfig = typeof deviceConfig extends Kind<infer T> ? T : never;
export type HooksConfig = DeviceConfig['hooks'];
/** A window over midnight belongs to the day on which it begins. */
export type MaintenanceWindow = DeviceConfig['polling']['windows'][number];
