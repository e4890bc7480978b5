/**
 * `silt keys list`: who may sign what, until when, and which of the keys are at hand.
 *
 * @module
 */
import type { Command } from 'commander';
import { alignRows } from '../align-rows.ts';
import { EXIT_DONE } from '../exit.ts';
import { type KeyFlags, openSignedRepository, withKeyOptions } from '../key-options.ts';
import { type CommonOptions, REPO_TO_WRITE, withOutputOptions } from '../options.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

type ListCommandOptions = CommonOptions & KeyFlags;

const examples = `
Examples:
  silt keys list --repo ./repo --keys ./keys
  silt keys list --repo s3://updates/gateway --keys ./keys --json
  silt keys list --repo ./repo --keys ./hsm.signer.json --root root.json`;

/** Adds the command to `keys`. */
export function addKeysList(keys: Command): void {
  const command = keys
    .command('list')
    .summary('show roles, thresholds and keys')
    .description('Shows who may sign what, until when, and which of the keys are at hand.')
    .requiredOption('--repo <location>', REPO_TO_WRITE);
  withOutputOptions(withKeyOptions(command))
    .addHelpText('after', examples)
    .action((options: ListCommandOptions) =>
      runCommand(options, 'interrupted', (session) => listCommand(options, session)),
    );
}

async function listCommand(options: ListCommandOptions, { output, signal }: CommandSession): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const { access } = await openSignedRepository(options, { use: 'read', stack, signal });
  const { readLive } = await import('../../trust/ledger/live-metadata.ts');
  const { listKeys } = await import('../../trust/ledger/list-keys.ts');
  const { partOf, revokedOf } = await import('../../trust/ledger/metadata-parts.ts');
  const live = await readLive(access, signal);
  const names = new Map(access.signers.map(({ publicKey, name }) => [publicKey.keyId, name]));
  const roles = (await listKeys(live)).map(({ keys, ...role }) => ({
    ...role,
    keys: keys.map((key) => ({ ...key, path: names.get(key.keyId) })),
  }));
  const revoked = revokedOf(partOf(live.root));
  output.result({ roles, revoked }, () => [
    ...roles.flatMap(({ role, version, expires, threshold, keys }) => [
      `${role} version ${version}, until ${expires}: ${threshold} of ${keys.length}`,
      ...alignRows(keys.map(({ keyId, scheme, path }) => [`  ${keyId}`, scheme, path ?? '(elsewhere)'])),
    ]),
    ...revoked.map((keyId) => `revoked: ${keyId}`),
  ]);
  return EXIT_DONE;
}
