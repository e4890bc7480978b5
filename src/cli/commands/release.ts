/**
 * `silt release`: a signed stage becomes visible; or, without one, the timestamp is signed anew before it expires.
 *
 * @module
 */
import type { Command } from 'commander';
import { EXIT_DONE } from '../exit.ts';
import {
  type KeyFlags,
  openKeys,
  openSignedRepository,
  readTrustedRoot,
  updateRootFile,
  withKeyOptions,
} from '../key-options.ts';
import { openToChange } from '../open-to-change.ts';
import { type CommonOptions, REPO_TO_WRITE, withOutputOptions } from '../options.ts';
import { type LockFlags, withLockOption } from '../put-flags.ts';
import { type CommandSession, runCommand } from '../run-command.ts';
import { readStage } from '../stage-file.ts';

type ReleaseCommandOptions = CommonOptions & KeyFlags & LockFlags;

const examples = `
Examples:
  silt release --repo s3://updates/gateway --keys ./online-keys
  silt release release.stage.json --repo s3://updates/gateway --keys ./online-keys
  silt release keys/init.stage.json --repo ./repo --keys ./keys`;

const INTERRUPTED = 'interrupted; devices see the old state or the new one. Run the same command again';

/** Adds the command to `program`. */
export function addRelease(program: Command): void {
  const command = program
    .command('release')
    .summary('make a signed stage visible, or sign the timestamp anew')
    .description(
      'With a stage: checks that enough keys signed it and that nothing changed since it was made, and makes it ' +
        'visible in one step. Without: signs the timestamp anew, and the snapshot when half of its life is over; ' +
        'to be run more often than the timestamp lives, which is 7 days by default.',
    )
    .argument('[STAGE]', 'the file that "silt sign" has signed')
    .requiredOption('--repo <location>', REPO_TO_WRITE);
  withOutputOptions(withLockOption(withKeyOptions(command)))
    .addHelpText('after', examples)
    .action((path: string | undefined, options: ReleaseCommandOptions) =>
      runCommand(options, INTERRUPTED, (session) =>
        path === undefined ? renew(options, session) : releaseCommand(path, options, session),
      ),
    );
}

async function releaseCommand(
  path: string,
  options: ReleaseCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const stage = await readStage(path);
  const keys = await openKeys(options, process.env);
  const isFirst = stage.base === undefined;
  const root = isFirst ? undefined : await readTrustedRoot(keys);
  await using stack = new AsyncDisposableStack();
  const opening = { use: 'change', create: isFirst, stack, signal, env: process.env } as const;
  const store = await openToChange(options.repo, options, opening);
  const { releaseStage } = await import('../../trust/ledger/release-stage.ts');
  if (stage.release === undefined) await releaseStage(store, stage, { root, signers: keys.signers, signal });
  else {
    const { manifest } = stage.release;
    const { holdLease } = await import('../../publisher/prune/lease.ts');
    const { requireStored } = await import('../../publisher/prune/require-stored.ts');
    // Since it was staged its objects belonged to no release.
    await using lease = await holdLease(store, `release ${manifest.product} ${manifest.version}`, { signal });
    await requireStored(store, manifest, { signal });
    await lease.requireHeld();
    await releaseStage(store, stage, { root, signers: keys.signers, signal });
  }
  if (root !== undefined) {
    const { memoryState } = await import('../../trust/tuf/metadata-state.ts');
    await updateRootFile({
      store,
      keys,
      access: { store, root, signers: keys.signers, state: memoryState() },
    });
  }
  const roles = stage.roles.map(({ role, metadata }) => ({ role, version: metadata.signed.version }));
  const release = stage.release?.manifest;
  output.result(
    { stage: path, roles, ...(release && { product: release.product, version: release.version }) },
    () => [
      release === undefined ? `${path} is live` : `${release.product} ${release.version} is live`,
      ...roles.map(({ role, version }) => `  ${role} version ${version}`),
    ],
  );
  return EXIT_DONE;
}

async function renew(options: ReleaseCommandOptions, { output, signal }: CommandSession): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const repository = await openSignedRepository(options, { use: 'change', stack, signal });
  const { renewOnline } = await import('../../trust/ledger/renew-online.ts');
  const report = await renewOnline(repository.access, signal);
  await updateRootFile(repository);
  output.result(report, () => [
    `timestamp version ${report.timestamp.version} is good until ${report.timestamp.expires}`,
    `  snapshot version ${report.snapshot.version} until ${report.snapshot.expires}`,
    ...report.expiring.map(({ role, expires }) => `  soon to be signed anew: ${role}, until ${expires}`),
  ]);
  return EXIT_DONE;
}
