/**
 * `silt keys add`, `rotate` and `revoke`: who may sign what, changed.
 *
 * @module
 */
import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { SiltError } from '../../core/errors.ts';
import { type KeyKind, keyKinds, type NewKey } from '../../trust/keys/file-signer.ts';
import type { PublicKey } from '../../trust/keys/signer.ts';
import type { RoleKeys } from '../../trust/ledger/metadata-parts.ts';
import { type ChangeKeysFlags, changeKeys, type PlannedChange, withChangeOptions } from '../change-keys.ts';
import { EXIT_DONE } from '../exit.ts';
import type { OpenedRepository } from '../key-options.ts';
import { collect, parseCount } from '../options.ts';
import { passphraseSource } from '../passphrase.ts';
import { readOptionFile } from '../read-option-file.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

interface RoleCommandOptions extends ChangeKeysFlags {
  readonly role: string;
  readonly key?: readonly string[];
  readonly generate?: readonly string[];
  readonly type: KeyKind;
  readonly encrypt?: boolean;
  readonly threshold?: number;
  readonly keep?: boolean;
}

const addExamples = `
Examples:
  silt keys add --repo ./repo --keys ./keys --role product:app --generate ./keys/product-app.pem
  silt keys add --repo ./repo --keys ./keys --role root --key bob.pub.pem --threshold 2
  silt keys add --repo ./repo --keys ./keys --role targets --key hsm.pub.pem --stage add.stage.json`;

const rotateExamples = `
Examples:
  silt keys rotate --repo ./repo --keys ./keys --role timestamp
  silt keys rotate --repo ./repo --keys ./keys --role product:app --key hsm.pub.pem
  silt keys rotate --repo ./repo --keys ./keys --role root --keep`;

const revokeExamples = `
Examples:
  silt keys revoke 3f2a91c04d7e --repo ./repo --keys ./keys
  silt keys revoke 3f2a91c04d7e --repo ./repo --keys ./keys --stage revoke.stage.json
  silt keys revoke 3f2a91c04d7e --repo s3://updates/gateway --keys ./keys --json`;

const INTERRUPTED = 'interrupted; the change was made or was not. Run the same command again';
const MAX_THRESHOLD = 64;
/** As many digits tell keys apart. */
const LEAST_ID_DIGITS = 8;

/** Adds the command to `keys`. */
export function addKeysAdd(keys: Command): void {
  const command = keys
    .command('add')
    .summary('let another key sign for a role')
    .description(
      'Lets another key sign for a role. A product that the repository does not have yet begins so.',
    );
  withRoleOptions(command)
    .addHelpText('after', addExamples)
    .action((options: RoleCommandOptions) =>
      runCommand(options, INTERRUPTED, (session) => roleCommand(options, session, 'add')),
    );
}

/** Adds the command to `keys`. */
export function addKeysRotate(keys: Command): void {
  const command = keys
    .command('rotate')
    .summary('replace the keys of a role, or sign it anew')
    .description(
      'Replaces all keys of a role by those given, or by as many new ones, made beside the others. With --keep ' +
        'the keys stay, and the role is signed anew, before it expires.',
    )
    .option('--keep', 'keep the keys; sign anew, with a new expiry');
  withRoleOptions(command)
    .addHelpText('after', rotateExamples)
    .action((options: RoleCommandOptions) =>
      runCommand(options, INTERRUPTED, (session) => roleCommand(options, session, 'rotate')),
    );
}

/** Adds the command to `keys`. */
export function addKeysRevoke(keys: Command): void {
  const command = keys
    .command('revoke')
    .summary('take a key away from every role')
    .description(
      'Takes a key away from every role, for good. Refused where a role could not be signed any more: add or ' +
        'rotate keys first.',
    )
    .argument('<KEYID>', 'the id of the key, or its first digits, eight or more');
  withChangeOptions(command)
    .addHelpText('after', revokeExamples)
    .action((keyId: string, options: ChangeKeysFlags) =>
      runCommand(options, INTERRUPTED, (session) => revokeCommand(keyId, options, session)),
    );
}

function withRoleOptions(command: Command): Command {
  command
    .requiredOption('--role <role>', 'root, targets, snapshot, timestamp or product:NAME')
    .option('--key <file>', 'a public key, PEM; several times', collect)
    .option('--generate <file>', 'make a new key in this file; several times', collect)
    .option('--threshold <n>', 'how many keys must sign', parseCount('--threshold', 1, MAX_THRESHOLD))
    .addOption(new Option('--type <kind>', 'kind of a new key').choices(keyKinds).default('ed25519'))
    .option('--encrypt', 'encrypt a new key with the passphrase');
  return withChangeOptions(command);
}

async function roleCommand(
  options: RoleCommandOptions,
  session: CommandSession,
  what: 'add' | 'rotate',
): Promise<number> {
  const { draftRoleKeys, draftRenewal, roleNamed } = await import('../../trust/ledger/draft-keys.ts');
  const role = roleNamed(options.role);
  const isBare = options.key === undefined && options.generate === undefined;
  if (what === 'add' && isBare) {
    throw new SiltError('USAGE', 'expected --key FILE or --generate FILE: which key is to be added?');
  }
  if (options.keep === true && !isBare) throw new SiltError('USAGE', 'expected --keep without other keys');
  await changeKeys(options, session, async (repository): Promise<PlannedChange> => {
    if (options.keep === true) {
      const { readLive } = await import('../../trust/ledger/live-metadata.ts');
      const { version } = (await readLive(repository.access)).root.signed;
      return {
        draftOf: (live) => draftRenewal(live, role, version),
        document: { role },
        lines: [`${role} is signed anew`],
      };
    }
    const { added, made: keys } = await newKeys(options, repository, role, isBare);
    const ids = added.map(({ keyId }) => keyId);
    const change = (now: RoleKeys) => {
      const keyIds = what === 'add' ? [...new Set([...now.keyids, ...ids])] : ids;
      return { keyIds, threshold: options.threshold ?? now.threshold };
    };
    const made = keys.map(({ signer }) => ({ keyId: signer.publicKey.keyId, path: signer.name }));
    return {
      draftOf: (live) => draftRoleKeys(live, role, added, change),
      keys,
      document: { role, keyIds: ids, made },
      lines: [
        what === 'add' ? `${role} may be signed by ${ids.join(', ')} too` : `${role} has new keys`,
        ...made.map(({ keyId, path }) => `  ${keyId} is ${path}`),
      ],
    };
  });
  return EXIT_DONE;
}

async function revokeCommand(
  given: string,
  options: ChangeKeysFlags,
  session: CommandSession,
): Promise<number> {
  await changeKeys(options, session, async ({ access }) => {
    const { readLive } = await import('../../trust/ledger/live-metadata.ts');
    const { draftRevocation } = await import('../../trust/ledger/draft-keys.ts');
    const { keyIdsOf } = await import('../../trust/ledger/list-keys.ts');
    const known = keyIdsOf(await readLive(access));
    const found = known.filter((keyId) => keyId.startsWith(given.toLowerCase()));
    const [keyId] = found;
    if (given.length < LEAST_ID_DIGITS || keyId === undefined || found.length > 1) {
      throw new SiltError(
        'USAGE',
        `expected the id of one key, at least ${LEAST_ID_DIGITS} digits of it; "${given}" fits ${found.length}; "silt keys list" shows them`,
      );
    }
    return {
      draftOf: (live) => draftRevocation(live, keyId),
      document: { keyId },
      lines: [`${keyId} signs nothing any more; its file can be destroyed`],
    };
  });
  return EXIT_DONE;
}

interface NewKeys {
  readonly added: readonly PublicKey[];
  /** Those of them that were made here. */
  readonly made: readonly NewKey[];
}

async function newKeys(
  options: RoleCommandOptions,
  repository: OpenedRepository,
  role: string,
  isBare: boolean,
): Promise<NewKeys> {
  const { generateKey } = await import('../../trust/keys/file-signer.ts');
  const given = await Promise.all((options.key ?? []).map(readPublicKey));
  const paths = isBare ? await newPaths(repository, role) : (options.generate ?? []);
  const passphrase =
    options.encrypt === true && paths.length > 0
      ? await passphraseSource(options.passphraseFile, { twice: true })('the new key')
      : undefined;
  const made = await Promise.all(paths.map((path) => generateKey(path, options.type, passphrase)));
  return { added: [...given, ...made.map(({ signer }) => signer.publicKey)], made };
}

/** Files for as many keys as the role has now, beside the others. */
async function newPaths({ access, keys }: OpenedRepository, role: string): Promise<string[]> {
  const { directory } = keys;
  if (directory === undefined) {
    throw new SiltError('USAGE', 'expected --key, --generate, or a directory of --keys for the new keys');
  }
  const { readLive } = await import('../../trust/ledger/live-metadata.ts');
  const { keysOfRole } = await import('../../trust/ledger/list-keys.ts');
  const count = keysOfRole(await readLive(access), role)?.keyids.length ?? 1;
  const paths: string[] = [];
  for (let at = 2; paths.length < count; at += 1) {
    const path = join(directory, `${role}-${at}.pem`);
    if (!existsSync(path)) paths.push(path);
  }
  return paths;
}

/** @throws SiltError KEY_UNUSABLE, IO_FAILED */
async function readPublicKey(path: string): Promise<PublicKey> {
  const pem = await readOptionFile('--key', path);
  const { publicKeyOf } = await import('../../trust/keys/public-key.ts');
  try {
    return publicKeyOf(createPublicKey(Buffer.from(pem)), path);
  } catch (cause) {
    if (cause instanceof SiltError) throw cause;
    throw new SiltError('KEY_UNUSABLE', `${path}: expected a public key in PEM, found something else`, {
      details: { path },
      cause,
    });
  }
}
