/**
 * A TUF repository in memory, for tests: any role, key, threshold, version, delegation or lie. Metadata is
 * plain JSON that a test edits and then publishes; nothing is checked here, so that it can be as wrong as a
 * test needs. It is also the store that a client reads, and it remembers what was asked for.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { SiltError } from '../../src/core/errors.ts';
import type { MetadataReader } from '../../src/trust/releases.ts';
import { canonicalJson } from './canonical-json-olpc.ts';
import { type TestKey, testKey } from './tuf-test-key.ts';

export interface RoleKeys {
  keyids: string[];
  threshold: number;
  [member: string]: unknown;
}

export interface MetaFile {
  version: number;
  length?: number;
  hashes?: Record<string, string>;
}

export interface TargetEntry {
  length: number;
  hashes: Record<string, string>;
  custom?: Record<string, unknown>;
}

export interface DelegatedRole extends RoleKeys {
  name: string;
  terminating: boolean;
  paths?: string[];
  path_hash_prefixes?: string[];
}

/** What is signed, of every role; which members are there depends on the role. */
export interface Signed {
  _type: string;
  spec_version: string;
  version: number;
  expires: string;
  [member: string]: unknown;
}

export interface SignedRoot extends Signed {
  consistent_snapshot: boolean;
  keys: Record<string, unknown>;
  roles: Record<string, RoleKeys>;
}

export interface SignedMeta extends Signed {
  meta: Record<string, MetaFile>;
}

export interface SignedTargets extends Signed {
  targets: Record<string, TargetEntry>;
  delegations?: { keys: Record<string, unknown>; roles: DelegatedRole[] };
}

export interface Signature {
  keyid: string;
  sig: string;
}

export interface Envelope {
  signatures: Signature[];
  signed: Signed;
}

export interface TufRepositoryOptions {
  /** What is signed is signed at this time and expires thirty days later. */
  readonly now?: Date;
  readonly consistentSnapshot?: boolean;
  /** Whether timestamp and snapshot give length and SHA-256 of what they list. */
  readonly metaHashes?: boolean;
  /** The keys of the four top-level roles; new ones of Ed25519 otherwise. */
  readonly keys?: Readonly<Record<string, readonly TestKey[]>>;
}

const TOP_LEVEL = ['root', 'targets', 'snapshot', 'timestamp'];
const DAY = 86_400_000;

export const REPOSITORY_TIME: Date = new Date('2026-03-01T12:00:00Z');

/** RFC 3339 as TUF wants it: seconds, UTC. */
export function rfc3339(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A role's name as it stands in a store key. */
export function roleFileName(role: string): string {
  return /[/\\]|\.\.|^\./.test(role) ? encodeURIComponent(role) : role;
}

export class TufRepository implements MetadataReader {
  readonly location = 'memory:';
  /** What a test edits before it publishes. */
  readonly signed = new Map<string, Signed>();
  readonly signers = new Map<string, TestKey[]>();
  /** What a client can read, by store key. */
  readonly objects = new Map<string, Uint8Array>();
  /** Every key that was asked for, in order. */
  readonly requests: string[] = [];
  metaHashes: boolean;
  now: Date;
  readonly consistentSnapshot: boolean;

  constructor(options: TufRepositoryOptions = {}) {
    this.now = options.now ?? REPOSITORY_TIME;
    this.consistentSnapshot = options.consistentSnapshot ?? true;
    this.metaHashes = options.metaHashes ?? true;
    const root = { consistent_snapshot: this.consistentSnapshot, keys: {}, roles: {} };
    this.signed.set('root', this.#blank('root', root));
    this.signed.set('targets', this.#blank('targets', { targets: {} }));
    this.signed.set('snapshot', this.#blank('snapshot', { meta: {} }));
    this.signed.set('timestamp', this.#blank('timestamp', { meta: {} }));
    for (const role of TOP_LEVEL) {
      this.root.roles[role] = { keyids: [], threshold: 1 };
      for (const key of options.keys?.[role] ?? [testKey()]) this.addKey(role, key);
    }
    this.publish('targets', 'snapshot', 'timestamp', 'root');
  }

  get root(): SignedRoot {
    return this.signed.get('root') as SignedRoot;
  }

  get timestamp(): SignedMeta {
    return this.signed.get('timestamp') as SignedMeta;
  }

  get snapshot(): SignedMeta {
    return this.signed.get('snapshot') as SignedMeta;
  }

  get targets(): SignedTargets {
    return this.targetsOf('targets');
  }

  targetsOf(role: string): SignedTargets {
    return this.signed.get(role) as SignedTargets;
  }

  /** The last published root; the first one is what a device is given. */
  rootBytes(version: number): Uint8Array {
    return this.objects.get(`metadata/${version}.root.json`) as Uint8Array;
  }

  /** RFC 3339, so many days from the repository's time. */
  daysAhead(days: number): string {
    return rfc3339(new Date(this.now.getTime() + days * DAY));
  }

  /** Lets `key` sign `role`, and lists it where root (or the one who delegates) lists the keys of the role. */
  addKey(role: string, key: TestKey = testKey(), delegator?: string): TestKey {
    const delegations = delegator === undefined ? undefined : this.targetsOf(delegator).delegations;
    const keys = delegations?.keys ?? this.root.keys;
    const listed =
      delegations?.roles.find(({ name }) => name === role) ?? (this.root.roles[role] as RoleKeys);
    keys[key.keyId] = key.listed;
    if (!listed.keyids.includes(key.keyId)) listed.keyids.push(key.keyId);
    this.addSigner(role, key);
    return key;
  }

  /** Lets `key` sign `role`, whether any role lists it or not. */
  addSigner(role: string, key: TestKey): void {
    const signers = this.signers.get(role) ?? [];
    if (!signers.includes(key)) signers.push(key);
    this.signers.set(role, signers);
  }

  /** The top-level role has no key any more, and none signs it. */
  clearKeys(role: string): void {
    const listed = this.root.roles[role] as RoleKeys;
    listed.keyids = [];
    this.signers.set(role, []);
  }

  /** Takes the keys of a top-level role away and gives it as many new ones as its threshold. */
  rotateKeys(role: string): void {
    const { threshold } = this.root.roles[role] as RoleKeys;
    this.clearKeys(role);
    for (let n = 0; n < threshold; n++) this.addKey(role);
  }

  /** Lets `delegator` delegate `paths` to `role`, which gets a key of its own; made when it is new. */
  delegate(
    delegator: string,
    role: string,
    options: { paths?: string[]; terminating?: boolean; key?: TestKey; prefixes?: string[] } = {},
  ): void {
    const parent = this.targetsOf(delegator);
    parent.delegations ??= { keys: {}, roles: [] };
    const { paths = ['*'], prefixes, terminating = false } = options;
    const matches = prefixes === undefined ? { paths } : { path_hash_prefixes: prefixes };
    parent.delegations.roles.push({ name: role, keyids: [], threshold: 1, terminating, ...matches });
    if (!this.signed.has(role)) this.signed.set(role, this.#blank('targets', { targets: {} }));
    this.addKey(role, options.key, delegator);
  }

  /** Lists a target file with `role` and stores it, both as the specification says (§3.1, §4.5). */
  addTarget(role: string, path: string, bytes: Uint8Array, algorithms: readonly string[] = ['sha256']): void {
    const hashes = Object.fromEntries(
      algorithms.map((algorithm) => [algorithm, createHash(algorithm).update(bytes).digest('hex')]),
    );
    this.targetsOf(role).targets[path] = { length: bytes.length, hashes };
    this.storeTarget(path, bytes, Object.values(hashes));
  }

  /** Stores bytes where a target with these hashes is looked for. */
  storeTarget(path: string, bytes: Uint8Array, hashes: readonly string[]): void {
    const at = path.lastIndexOf('/') + 1;
    const keys = this.consistentSnapshot
      ? hashes.map((hash) => `targets/${path.slice(0, at)}${hash}.${path.slice(at)}`)
      : [`targets/${path}`];
    for (const key of keys) this.objects.set(key, bytes);
  }

  /**
   * Publishes the next version of each role: signed by its signers, stored, and listed by snapshot (a targets
   * role) or timestamp (snapshot) as soon as these are published.
   */
  publish(...roles: readonly string[]): void {
    for (const role of roles) {
      (this.signed.get(role) as Signed).version += 1;
      this.store(role, this.envelope(role));
    }
  }

  /** The role as it stands, signed by its signers. */
  envelope(role: string): Envelope {
    const signed = structuredClone(this.signed.get(role) as Signed);
    return { signatures: this.signaturesOf(signed, this.signers.get(role) ?? []), signed };
  }

  signaturesOf(signed: unknown, keys: readonly TestKey[]): Signature[] {
    const bytes = Buffer.from(canonicalJson(signed));
    return keys.map((key) => ({ keyid: key.keyId, sig: key.sign(bytes) }));
  }

  /** Stores what may be a tampered envelope or any bytes as the role's version (its own, unless given). */
  store(role: string, content: Envelope | Uint8Array, version?: number): void {
    const current = version ?? (this.signed.get(role) as Signed).version;
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content, null, 1));
    const bare = role === 'timestamp' || (role !== 'root' && !this.consistentSnapshot);
    this.objects.set(`metadata/${bare ? '' : `${current}.`}${roleFileName(role)}.json`, bytes);
    const listing = { root: undefined, timestamp: undefined, snapshot: this.timestamp }[role] as
      | SignedMeta
      | undefined;
    const parent = TOP_LEVEL.includes(role) && role !== 'targets' ? listing : this.snapshot;
    if (parent === undefined) return;
    const more = this.metaHashes ? { length: bytes.length, hashes: { sha256: sha256(bytes) } } : {};
    parent.meta[`${role}.json`] = { version: current, ...more };
  }

  /** The names of the metadata asked for so far, such as `2.root`; forgets them. */
  askedFor(): string[] {
    const asked = this.requests.splice(0);
    return asked.map((key) => key.replace(/^metadata\//, '').replace(/\.json$/, ''));
  }

  async get(
    key: string,
    options: { readonly maxBytes: number },
  ): Promise<{ bytes: Uint8Array; etag: string } | undefined> {
    this.requests.push(key);
    const bytes = this.objects.get(key);
    if (bytes === undefined) return undefined;
    if (bytes.length > options.maxBytes) {
      // As the stores do: they stop at the cap.
      throw new SiltError('FORMAT_INVALID', `${key} has more than ${options.maxBytes} bytes`);
    }
    return { bytes: Uint8Array.from(bytes), etag: `"${sha256(bytes)}"` };
  }

  #blank(type: string, members: Record<string, unknown>): Signed {
    return { _type: type, spec_version: '1.0.31', version: 0, expires: this.daysAhead(30), ...members };
  }
}
