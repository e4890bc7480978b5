/**
 * The models of verified metadata. `@tufjs/models` builds them; what it takes too lightly (dates, versions,
 * thresholds, counts) is checked here, and its errors become ours.
 *
 * @module
 */
import {
  Metadata,
  MetadataKind,
  MetaFile,
  Root,
  Signature,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
} from '@tufjs/models';
import { isSiltError } from '../../core/errors.ts';
import { checkCommon, checkDelegations, checkFile, checkKeys, checkRole, members } from './check-fields.ts';
import { rememberOrder } from './delegated-paths.ts';
import type { Envelope } from './envelope.ts';
import { MAX_LISTED, MAX_NAME } from './limits.ts';
import { type JsonObject, malformed } from './strict-json.ts';

const TOP_LEVEL_ROLES = ['root', 'timestamp', 'snapshot', 'targets'];

/** @throws SiltError TRUST_MALFORMED */
export function readRoot(envelope: Envelope): Metadata<Root> {
  return read(envelope, MetadataKind.Root, 'root', (signed) => {
    checkKeys(signed.keys, 'root');
    const roles = members(signed.roles, 'root', 'roles', TOP_LEVEL_ROLES.length * 4);
    for (const name of TOP_LEVEL_ROLES) checkRole(Object.hasOwn(roles, name) && roles[name], 'root', name);
    return Root.fromJSON(signed);
  });
}

/** @throws SiltError TRUST_MALFORMED */
export function readTimestamp(envelope: Envelope): Metadata<Timestamp> {
  return read(envelope, MetadataKind.Timestamp, 'timestamp', (signed) => {
    const meta = members(signed.meta, 'timestamp', 'meta', MAX_LISTED);
    checkMeta(Object.hasOwn(meta, 'snapshot.json') && meta['snapshot.json'], 'timestamp', 'snapshot.json');
    return Timestamp.fromJSON(signed);
  });
}

/** @throws SiltError TRUST_MALFORMED */
export function readSnapshot(envelope: Envelope): Metadata<Snapshot> {
  return read(envelope, MetadataKind.Snapshot, 'snapshot', (signed) => {
    const listed = Object.entries(members(signed.meta, 'snapshot', 'meta', MAX_LISTED));
    const snapshot = Snapshot.fromJSON({ ...signed, meta: {} });
    // One by one: the model would copy all that went before for each of them.
    for (const [name, file] of listed) {
      if (name.length > MAX_NAME) throw malformed('snapshot', 'expected shorter names in "meta"');
      snapshot.meta[name] = MetaFile.fromJSON(checkMeta(file, 'snapshot', name));
    }
    if (!Object.hasOwn(snapshot.meta, 'targets.json')) {
      throw malformed('snapshot', 'expected "targets.json" in "meta", found none');
    }
    return snapshot;
  });
}

/** @param role its name @throws SiltError TRUST_MALFORMED */
export function readTargets(envelope: Envelope, role: string): Metadata<Targets> {
  return read(envelope, MetadataKind.Targets, role, (signed) => {
    const listed = Object.entries(members(signed.targets, role, 'targets', MAX_LISTED));
    const names = signed.delegations === undefined ? [] : checkDelegations(signed.delegations, role);
    const targets = Targets.fromJSON({ ...signed, targets: {} });
    if (targets.delegations !== undefined) rememberOrder(targets.delegations, names);
    for (const [path, file] of listed) {
      if (path.length > MAX_NAME) throw malformed(role, 'expected shorter target paths');
      targets.targets[path] = TargetFile.fromJSON(path, checkTarget(file, role, path));
    }
    return targets;
  });
}

function checkMeta(value: unknown, role: string, name: string): JsonObject {
  return checkFile(value, role, name, { version: 'required', length: 'optional' });
}

function checkTarget(value: unknown, role: string, name: string): JsonObject {
  return checkFile(value, role, name, { version: 'none', length: 'required' });
}

function read<T extends Root | Timestamp | Snapshot | Targets>(
  { signed, signatures }: Envelope,
  kind: MetadataKind,
  role: string,
  build: (signed: JsonObject) => T,
): Metadata<T> {
  if (signed._type !== kind) {
    throw malformed(
      role,
      `expected metadata of type "${kind}", found ${JSON.stringify(signed._type)?.slice(0, 40)}`,
    );
  }
  checkCommon(signed, role);
  let model: T;
  try {
    model = build(signed);
  } catch (error) {
    if (isSiltError(error)) throw error;
    throw malformed(role, error instanceof Error ? error.message : 'not as the specification says', error);
  }
  const models = signatures.map(({ keyid, sig }) => [keyid, new Signature({ keyID: keyid, sig })] as const);
  return new Metadata<T>(model, Object.fromEntries(models));
}
