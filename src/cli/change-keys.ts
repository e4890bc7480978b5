/**
 * A change of keys carried out: at once, or as a stage for those who have the other keys.
 *
 * @module
 */
import type { Command } from 'commander';
import type { NewKey } from '../trust/keys/file-signer.ts';
import type { Draft } from '../trust/ledger/draft.ts';
import type { LiveMetadata } from '../trust/ledger/live-metadata.ts';
import { describeStage, summarizeStage } from './describe-stage.ts';
import {
  type KeyFlags,
  type OpenedRepository,
  openSignedRepository,
  updateRootFile,
  withKeyOptions,
} from './key-options.ts';
import { type CommonOptions, REPO_TO_WRITE, withOutputOptions } from './options.ts';
import { type LockFlags, withLockOption } from './put-flags.ts';
import type { CommandSession } from './run-command.ts';
import { writeStage } from './stage-file.ts';

export interface ChangeKeysFlags extends CommonOptions, KeyFlags, LockFlags {
  readonly stage?: string;
}

/** A change as it was decided upon: looked at the repository, made keys for it if need be. */
export interface PlannedChange {
  readonly draftOf: (live: LiveMetadata) => Promise<Draft | undefined>;
  /** New keys, which sign too. They are stored when it is known that the others suffice. */
  readonly keys?: readonly NewKey[];
  /** For the result. */
  readonly document: object;
  readonly lines: readonly string[];
}

/** Adds the options of every command that changes keys. */
export function withChangeOptions(command: Command): Command {
  command
    .requiredOption('--repo <location>', REPO_TO_WRITE)
    .option('--stage <file>', 'change nothing yet: write what is to be signed into this file');
  return withOutputOptions(withLockOption(withKeyOptions(command)));
}

/** Plans and carries out a change. */
export async function changeKeys(
  options: ChangeKeysFlags,
  session: CommandSession,
  plan: (repository: OpenedRepository) => Promise<PlannedChange>,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { signal } = session;
  const use = options.stage === undefined ? 'change' : 'read';
  const opened = await openSignedRepository(options, { use, stack, signal });
  const change = await plan(opened);
  const keys = change.keys ?? [];
  const signers = [...opened.access.signers, ...keys.map(({ signer }) => signer)];
  const repository = { ...opened, access: { ...opened.access, signers } };
  if (options.stage === undefined) await makeChange(repository, change, session);
  else await stageChange(options.stage, repository, change, session);
}

async function makeChange(
  repository: OpenedRepository,
  { draftOf, keys = [], document, lines }: PlannedChange,
  { output, signal }: CommandSession,
): Promise<void> {
  const { access } = repository;
  const { readLive } = await import('../trust/ledger/live-metadata.ts');
  const { requireSigners } = await import('../trust/ledger/go-live.ts');
  const { changeRepository } = await import('../trust/ledger/change-repository.ts');
  const live = await readLive(access, signal);
  const draft = await draftOf(live);
  if (draft !== undefined) requireSigners(access, live, draft);
  // A key that may be live the next moment has to be on disk before.
  for (const key of keys) await key.store();
  await changeRepository(access, draftOf, signal);
  await updateRootFile(repository);
  output.result(document, () => lines);
}

async function stageChange(
  path: string,
  { access }: OpenedRepository,
  { draftOf, keys = [], document, lines }: PlannedChange,
  { output, signal }: CommandSession,
): Promise<void> {
  const { readLive } = await import('../trust/ledger/live-metadata.ts');
  const { makeStage } = await import('../trust/ledger/make-stage.ts');
  const live = await readLive(access, signal);
  const draft = await draftOf(live);
  if (draft === undefined) {
    output.result(document, () => ['nothing has to change']);
    return;
  }
  for (const key of keys) await key.store();
  const stage = await makeStage(access, live, draft);
  await writeStage(path, stage);
  const summary = await summarizeStage(stage);
  output.result({ ...document, stage: path, ...summary }, () => [
    ...lines,
    `nothing is changed yet; sign ${path} and release it`,
    ...describeStage(summary),
  ]);
}
