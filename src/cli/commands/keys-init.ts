/**
 * `silt keys init`: keys and the first root of a repository.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { SiltError } from '../../core/errors.ts';
import { NAME_PATTERN } from '../../format/manifest.ts';
import { makeDirectory, removeFile, replaceFile } from '../../io/atomic.ts';
import type { Store } from '../../store/store.ts';
import { type KeyKind, keyKinds } from '../../trust/keys/file-signer.ts';
import type { Signer } from '../../trust/keys/signer.ts';
import type { RoleSetup } from '../../trust/ledger/first-metadata.ts';
import type { LifetimeRole, TopRole } from '../../trust/ledger/metadata-parts.ts';
import type { Stage } from '../../trust/ledger/stage.ts';
import { alignRows } from '../align-rows.ts';
import { EXIT_DONE } from '../exit.ts';
import { ROOT_FILE } from '../key-options.ts';
import { openToChange } from '../open-to-change.ts';
import { collect, parseCount, REPO_TO_WRITE, withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { passphraseSource } from '../passphrase.ts';
import { type LockFlags, withLockOption } from '../put-flags.ts';
import { type CommandSession, runCommand } from '../run-command.ts';
import { writeStage } from '../stage-file.ts';

interface InitCommandOptions extends OutputOptions, LockFlags {
  readonly repo?: string;
  readonly product?: readonly string[];
  readonly type: KeyKind;
  readonly rootKeys: number;
  readonly rootThreshold: number;
  readonly targetsKeys: number;
  readonly targetsThreshold: number;
  readonly productKeys: number;
  readonly productThreshold: number;
  readonly passphraseFile?: string;
  readonly encrypt?: boolean;
  readonly expires?: readonly string[];
}

const STAGE_FILE = 'init.stage.json';
/** Of one role. */
const MAX_INIT_KEYS = 16;

const examples = `
Examples:
  silt keys init ./keys --repo ./repo --product gateway
  silt keys init ./keys --repo s3://updates/gateway --product gateway --product app --encrypt
  silt keys init ./keys --product gateway --root-keys 3 --root-threshold 2 --passphrase-file pass.txt \\
      --expires root=730 --expires timestamp=14`;

const INTERRUPTED = `interrupted; if ${STAGE_FILE} is there, "silt release" goes on with it, else begin anew`;

/** Adds the command to `keys`. */
export function addKeysInit(keys: Command): void {
  const command = keys
    .command('init')
    .summary('make keys and a signed repository')
    .description(
      'Makes keys for root, targets, snapshot, timestamp and each product, and a root that lists them. With ' +
        `--repo the repository is there at once; without, ${STAGE_FILE} is left for "silt release". ` +
        'Then take root and targets offline: CI needs those of snapshot, timestamp and products only.',
    )
    .argument('<DIR>', 'directory for the keys; it must not hold any yet')
    .option('--repo <location>', REPO_TO_WRITE)
    .option('--product <name>', 'a product that the repository will have; several times', collect)
    .addOption(new Option('--type <kind>', 'kind of the keys').choices(keyKinds).default('ed25519'));
  for (const role of ['root', 'targets', 'product']) {
    command
      .option(`--${role}-keys <n>`, `keys for ${role}`, parseCount(`--${role}-keys`, 1, MAX_INIT_KEYS), 1)
      .option(
        `--${role}-threshold <n>`,
        'how many of them must sign',
        parseCount(`--${role}-threshold`, 1, MAX_INIT_KEYS),
        1,
      );
  }
  command
    .option('--passphrase-file <file>', 'encrypt the keys with the passphrase in this file')
    .option('--encrypt', 'encrypt the keys with a passphrase that is asked for')
    .option(
      '--expires <role=days>',
      'life of root, targets, product, snapshot or timestamp; several times',
      collect,
    );
  withOutputOptions(withLockOption(command))
    .addHelpText('after', examples)
    .action((directory: string, options: InitCommandOptions) =>
      runCommand(options, INTERRUPTED, (session) => initCommand(directory, options, session)),
    );
}

async function initCommand(
  directory: string,
  options: InitCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const lifetimes = await lifetimesIn(options.expires ?? []);
  requireNames(options.product ?? []);
  requireThresholds(options);
  const encrypted = options.encrypt === true || options.passphraseFile !== undefined;
  const passphrase = encrypted
    ? await passphraseSource(options.passphraseFile, { twice: true })('the new keys')
    : undefined;
  await using stack = new AsyncDisposableStack();
  const opening = { use: 'change', create: true, stack, signal, env: process.env } as const;
  const store = options.repo === undefined ? undefined : await openToChange(options.repo, options, opening);
  if (store !== undefined) await requireNew(store);
  await requireEmpty(directory);
  const made: Made[] = [];
  const make = async (role: string, count: number, threshold: number): Promise<RoleSetup> => {
    const signers = await generate(directory, role, count, { kind: options.type, passphrase });
    made.push(...signers.map((signer) => ({ role, signer })));
    return { keys: signers.map(({ publicKey }) => publicKey), threshold };
  };
  const { rootKeys, rootThreshold, targetsKeys, targetsThreshold, productKeys, productThreshold } = options;
  const roles: Record<TopRole, RoleSetup> = {
    root: await make('root', rootKeys, rootThreshold),
    targets: await make('targets', targetsKeys, targetsThreshold),
    snapshot: await make('snapshot', 1, 1),
    timestamp: await make('timestamp', 1, 1),
  };
  const products = new Map<string, RoleSetup>();
  for (const product of new Set(options.product ?? [])) {
    products.set(product, await make(`product-${product}`, productKeys, productThreshold));
  }
  const signers = made.map(({ signer }) => signer);
  const { stageFirstMetadata } = await import('../../trust/ledger/first-metadata.ts');
  const stage = await stageFirstMetadata({ roles, products, lifetimes }, { signers });
  await writeRoot(join(directory, ROOT_FILE), stage);
  const stagePath = join(directory, STAGE_FILE);
  await writeStage(stagePath, stage);
  if (store !== undefined) {
    const { releaseStage } = await import('../../trust/ledger/release-stage.ts');
    await releaseStage(store, stage, { signers, signal });
    await removeFile(stagePath);
  }
  const keys = made.map(({ role, signer }) => ({ role, keyId: signer.publicKey.keyId, path: signer.name }));
  const result = {
    directory,
    root: join(directory, ROOT_FILE),
    keys,
    ...(store ? {} : { stage: stagePath }),
  };
  output.result(result, () => [
    store === undefined
      ? `made ${keys.length} keys; "silt release ${stagePath}" makes the repository`
      : `made ${keys.length} keys and the repository ${store.location}`,
    ...alignRows(keys.map(({ role, path }) => [`  ${role}`, path])),
    `devices get ${result.root}; keep the keys of root and targets offline`,
  ]);
  return EXIT_DONE;
}

interface Made {
  readonly role: string;
  readonly signer: Signer;
}

async function generate(
  directory: string,
  role: string,
  count: number,
  { kind, passphrase }: { readonly kind: KeyKind; readonly passphrase: Buffer | undefined },
): Promise<Signer[]> {
  const { generateKey } = await import('../../trust/keys/file-signer.ts');
  const names = Array.from({ length: count }, (_, at) => (count === 1 ? role : `${role}-${at + 1}`));
  return await Promise.all(
    names.map(async (name) => {
      const { signer, store } = await generateKey(join(directory, `${name}.pem`), kind, passphrase);
      await store();
      return signer;
    }),
  );
}

/** @throws SiltError CONFLICT when a root or a catalog is there */
async function requireNew(store: Store): Promise<void> {
  for (const key of ['metadata/1.root.json', 'metadata/timestamp.json']) {
    if ((await store.has(key)) === undefined) continue;
    throw new SiltError(
      'CONFLICT',
      `${store.location} is a repository already: it has ${key}; give --repo an empty place`,
      { details: { location: store.location, key } },
    );
  }
}

/** Makes the directory. @throws SiltError KEY_UNUSABLE when it holds keys */
async function requireEmpty(directory: string): Promise<void> {
  await makeDirectory(directory);
  const found = (await readdir(directory)).find((name) => name === ROOT_FILE || name.endsWith('.pem'));
  if (found === undefined) return;
  throw new SiltError('KEY_UNUSABLE', `${directory} holds keys already: ${found}; give an empty directory`, {
    details: { path: directory },
  });
}

async function writeRoot(path: string, stage: Stage): Promise<void> {
  const { encodeEnvelope } = await import('../../trust/ledger/metadata-parts.ts');
  const { stagedRole } = await import('../../trust/ledger/stage.ts');
  const root = stagedRole(stage, 'root');
  if (root === undefined) throw new SiltError('INTERNAL', 'a first stage was made without a root');
  await replaceFile(path, encodeEnvelope('root', root));
}

/** @throws SiltError USAGE */
async function lifetimesIn(texts: readonly string[]): Promise<Partial<Record<LifetimeRole, number>>> {
  const { isDays, lifetimeRoles, MAX_LIFETIME_DAYS } = await import('../../trust/ledger/metadata-parts.ts');
  const entries = texts.map((text) => {
    const [role = '', days = ''] = text.split('=', 2);
    const isKnown = lifetimeRoles.some((known) => known === role);
    if (isKnown && /^\d+$/.test(days) && isDays(Number(days))) return [role, Number(days)] as const;
    throw new SiltError(
      'USAGE',
      `expected --expires to be one of ${lifetimeRoles.join(', ')} with 1 to ${MAX_LIFETIME_DAYS} days, such as root=365; found "${text}"`,
    );
  });
  return Object.fromEntries(entries);
}

/** @throws SiltError USAGE */
function requireThresholds(options: InitCommandOptions): void {
  for (const [role, keys, threshold] of [
    ['root', options.rootKeys, options.rootThreshold],
    ['targets', options.targetsKeys, options.targetsThreshold],
    ['product', options.productKeys, options.productThreshold],
  ] as const) {
    if (threshold <= keys) continue;
    throw new SiltError('USAGE', `expected at least ${threshold} keys for ${role}, found ${keys}`);
  }
}

/** @throws SiltError USAGE */
function requireNames(products: readonly string[]): void {
  const wrong = products.find((product) => !NAME_PATTERN.test(product));
  if (wrong === undefined) return;
  throw new SiltError('USAGE', `expected --product to be letters, digits and ._+~-, found "${wrong}"`);
}
