/**
 * Mutual exclusion between processes by a lock file that names its owner.
 *
 * The file appears with its content in one step (link(2)), so it is never seen half written. Its owner is a
 * process of a machine, told from a later process with the same number by its start time where the system
 * shows one. The lock of a dead process is taken over; one of another machine never is, because nobody here
 * can tell whether that process lives.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { kill, pid } from 'node:process';
import { SiltError } from '../core/errors.ts';
import { sleep as realSleep, type Sleep } from '../core/sleep.ts';
import { createExclusive, removeFile } from './atomic.ts';
import { ioError, systemCode } from './io-error.ts';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for the owner to finish, in milliseconds. Default 10,000: a lock is held for milliseconds. */
  readonly waitMs?: number | undefined;
  /**
   * The lock file survives a power cut whole, not torn. Default: no; for a place where nobody is there to remove
   * what is no lock any more.
   */
  readonly durable?: boolean | undefined;
  /** Default: the clock. A test gives its own. */
  readonly sleep?: Sleep | undefined;
}

interface Owner {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  /** When the process began, as its machine counts; empty where the system does not tell. */
  readonly started: string;
}

/** Between two looks at a lock that somebody holds, in milliseconds. */
const POLL_MS = 20;

/**
 * Runs `action` while holding the lock file at `path`, and removes it afterwards.
 *
 * @throws SiltError LOCKED when its owner did not finish in time; whatever `action` throws
 */
export async function withLock<T>(path: string, options: LockOptions, action: () => Promise<T>): Promise<T> {
  await acquire(path, options);
  if (options.durable === true) await removeTakeOvers(path);
  try {
    return await action();
  } finally {
    await removeFile(path, { durable: false });
  }
}

async function acquire(path: string, options: LockOptions): Promise<void> {
  const { sleep = realSleep, signal, waitMs = 10_000, durable = false } = options;
  const mine: Owner = { token: randomUUID(), host: hostname(), pid, started: await processStart(pid) };
  const content = Buffer.from(`${JSON.stringify(mine)}\n`);
  let left = waitMs;
  for (;;) {
    signal?.throwIfAborted();
    if ((await createExclusive(path, content, { durable })) === 'created') return;
    const owner = await readOwner(path);
    if (owner === undefined) continue;
    if (await isDead(owner)) {
      await takeOver(path, owner, options);
      continue;
    }
    if (left <= 0) throw lockedError(path, owner);
    await sleep(POLL_MS, signal);
    left -= POLL_MS;
  }
}

/**
 * Removes the lock of a dead owner. Of several that try, each does so under a lock named for that owner's
 * token and looks again first, so none can remove the lock of whoever came next.
 */
async function takeOver(path: string, dead: Owner, options: LockOptions): Promise<void> {
  await withLock(`${path}.${dead.token}`, options, async () => {
    const owner = await readOwner(path);
    if (owner?.token === dead.token) await removeFile(path, { durable: false });
  });
}

/** Locks of dead owners that were taken over; a power cut in the middle has left the locks for that. */
const TAKE_OVER = /^(?:\.[0-9a-f-]{36})+$/;

/**
 * Clears them away, with the lock held: its owner lives, so whoever still is at one of them looks again and
 * finds nothing to do.
 */
async function removeTakeOvers(path: string): Promise<void> {
  const name = basename(path);
  for (const other of await readdir(dirname(path)).catch((): string[] => [])) {
    if (!other.startsWith(name) || !TAKE_OVER.test(other.slice(name.length))) continue;
    await removeFile(join(dirname(path), other), { durable: false });
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw ioError(error, 'read the lock', path);
  }
  try {
    const { token, host, pid, started } = JSON.parse(text) as Record<string, unknown>;
    if (typeof token === 'string' && /^[0-9a-f-]{36}$/.test(token) && Number.isSafeInteger(pid)) {
      return { token, host: String(host), pid: Number(pid), started: String(started) };
    }
  } catch {
    // Falls through: what is no JSON is no lock of ours either.
  }
  const message = `${path} is not a lock file of silt; if no other silt is at work there, remove the file`;
  throw new SiltError('LOCKED', message, { details: { path } });
}

async function isDead(owner: Owner): Promise<boolean> {
  if (owner.host !== hostname()) return false;
  try {
    kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it lives, as somebody else's.
    if (systemCode(error) === 'ESRCH') return true;
  }
  const started = await processStart(owner.pid);
  return owner.started !== '' && started !== '' && started !== owner.started;
}

/**
 * When the process began: boot and clock ticks since, by proc_pid_stat(5) field 22; empty where there is no
 * /proc. Fields are counted after the last `)`, as the command name may hold anything.
 */
async function processStart(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields[19];
  if (ticks === undefined) return '';
  // A zombie still has its number, but will never give the lock back.
  if (fields[0] === 'Z' || fields[0] === 'X') return 'ended';
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return `${boot.trim()}/${ticks}`;
}

function lockedError(path: string, owner: Owner): SiltError {
  return new SiltError(
    'LOCKED',
    `process ${owner.pid} on ${owner.host} holds the lock; wait for it to finish, or remove ${path} if it no longer runs`,
    { details: { path, pid: owner.pid, host: owner.host } },
  );
}
