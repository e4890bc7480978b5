/**
 * Connections to the Redis that holds a queue. BullMQ and ioredis are optional packages: they are loaded here, when
 * jobs are asked for, and nowhere else.
 *
 * @module
 */
import type { Redis, RedisOptions } from 'ioredis';
import { SiltError } from '../../core/errors.ts';
import type { JobKind } from './job-queue.ts';

/** Where a queue is. */
export interface QueuePlace {
  /** `redis://`, `rediss://` (TLS) or `unix:/path`; may hold a password. */
  readonly url: string;
  /** Ahead of all keys there, so that several repositories can share one Redis. Default `silt`. */
  readonly prefix?: string | undefined;
  /** Version of this silt: each has queues of its own, for another one may make other bytes. */
  readonly silt: string;
}

/** Where the queue is, for messages: without a password. @throws SiltError USAGE */
export function queueLocation({ url, prefix }: QueuePlace): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const known = parsed !== undefined && /^(rediss?|unix):$/.test(parsed.protocol);
  const whole = known && (parsed.protocol === 'unix:' ? parsed.pathname !== '' : parsed.hostname !== '');
  if (!whole) {
    // What was found is not shown, for there may be a password in it.
    throw new SiltError(
      'USAGE',
      'expected SILT_JOBS_URL to be redis://HOST:PORT, rediss://HOST:PORT (TLS) or unix:/PATH, found something else',
    );
  }
  if (!/^[\w.-]{1,64}$/.test(prefix ?? DEFAULT_PREFIX)) {
    throw new SiltError(
      'USAGE',
      `expected SILT_JOBS_QUEUE to be 1 to 64 letters, digits and . _ -, found "${prefix}"`,
    );
  }
  if (parsed.protocol === 'unix:') return `unix:${parsed.pathname}`;
  return `${parsed.protocol}//${parsed.host}${parsed.pathname.replace(/\/$/, '')}`;
}

export const DEFAULT_PREFIX = 'silt';

/** Names the queue. Deltas of sealed releases have one of their own, for workers that can open them. */
export function queueName({ silt }: QueuePlace, kind: JobKind): string {
  return `deltas-1-${silt}-${kind}`;
}

/** A connection, and why it was last lost: what its calls say of that is only that it was. */
export interface RedisConnection {
  readonly redis: Redis;
  readonly trouble: () => Error | undefined;
}

/** Connects in the background, unless the options say otherwise. */
export async function connect({ url }: QueuePlace, options: RedisOptions): Promise<RedisConnection> {
  const { Redis } = await loadIoredis();
  const parsed = new URL(url);
  const redis =
    parsed.protocol === 'unix:'
      ? new Redis({ ...options, path: decodeURIComponent(parsed.pathname) })
      : new Redis(url, options);
  let trouble: Error | undefined;
  redis.on('error', (error: Error) => {
    trouble = error;
  });
  redis.on('ready', () => {
    trouble = undefined;
  });
  return { redis, trouble: () => trouble };
}

type Ioredis = Pick<typeof import('ioredis'), 'Redis'>;
type Bullmq = typeof import('bullmq');

/** @throws SiltError USAGE when the packages are not installed */
export async function loadBullmq(): Promise<Bullmq> {
  await loadIoredis();
  return await orMissing(import('bullmq'));
}

async function loadIoredis(): Promise<Ioredis> {
  return await orMissing(import('ioredis'));
}

async function orMissing<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new SiltError(
      'USAGE',
      'expected the packages bullmq and ioredis for --jobs, which are optional; install them with "npm install bullmq ioredis"',
      { cause },
    );
  }
}

/**
 * The error for a Redis that does not answer as it should.
 *
 * @param trouble of the connection, which tells more than a call that failed by it
 */
export function queueError(location: string, found: unknown, trouble?: Error): SiltError {
  const error = trouble ?? found;
  const why = error instanceof Error ? error.message : String(error);
  return new SiltError('NETWORK', `expected Redis to answer at ${location}: ${why}`, {
    details: { location },
    cause: error,
    transient: true,
  });
}
