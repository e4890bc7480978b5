/**
 * One pair by every tool: each makes its patch, then each applies its own, in rounds, the tools in turn.
 *
 * Nobody pays for another: both images have been read before, what the last one wrote is on the disk before the
 * next one starts, and no output is there to be replaced. A failure is a result and the rest goes on.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../../src/compare/find-program.ts';
import { openAccount } from '../../src/compare/measured-run.ts';
import type { Peer, Run } from '../../src/compare/peer.ts';
import { digestFile, type Subject } from '../../src/compare/subject.ts';
import type { Usage } from '../../src/compare/usage.ts';
import type { ApplyCell, EncodeCell, MissingCell } from './delta-result.ts';

export interface MeasureOptions {
  readonly subject: Subject;
  /** Delta tools, see `deltaPeer`. */
  readonly peers: readonly Peer[];
  /** How often a patch is made. */
  readonly encodes: number;
  /** How often a patch is applied. */
  readonly rounds: number;
  /** What takes longer is given up. */
  readonly maxSeconds: number;
  /** Scratch directory, gone afterwards. */
  readonly directory: string;
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly onStep?: (step: string) => void;
}

export interface MeasuredPair {
  readonly encodes: readonly EncodeCell[];
  readonly applies: readonly ApplyCell[];
  readonly missing: readonly MissingCell[];
}

/** The release that patches lead to; the one before is their base. */
const RELEASE = 2;

/** @throws the reason of the signal */
export async function measurePair(options: MeasureOptions): Promise<MeasuredPair> {
  try {
    return await takeTurns(options);
  } finally {
    await rm(options.directory, { recursive: true, force: true });
  }
}

async function takeTurns(options: MeasureOptions): Promise<MeasuredPair> {
  const { subject, peers, signal, directory, onStep } = options;
  const { name: pair, releases } = subject.info;
  const [old = '', image = ''] = subject.files.slice(-2);
  const [before, wanted] = releases.slice(-2);
  const encodes: EncodeCell[] = [];
  const applies: ApplyCell[] = [];
  const missing: MissingCell[] = [];
  const siteOf = (peer: Peer): string => join(directory, peer.name);

  const attempt = async ({ name: tool }: Peer, what: string, work: () => Promise<void>): Promise<void> => {
    if (missing.some((cell) => cell.tool === tool)) return;
    onStep?.(`${pair}: ${tool} ${what}`);
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      const [reason] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
      missing.push({ pair, tool, reason: `${what}: ${reason}` });
    }
  };

  for (let round = 1; round <= options.encodes; round++) {
    for (const peer of peers) {
      const refusal = round === 1 ? peer.refuses?.(before?.bytes ?? 0, wanted?.bytes ?? 0) : undefined;
      if (refusal !== undefined) missing.push({ pair, tool: peer.name, reason: refusal });
      await attempt(peer, 'encodes', async () => {
        const [site, work] = [siteOf(peer), join(directory, 'work')];
        await emptied(site);
        await emptied(work);
        const job = { site, work, release: RELEASE, image, previous: old };
        const usage = await measured(options, (run) => peer.publish({ ...job, run }));
        encodes.push({ pair, tool: peer.name, patchBytes: await bytesIn(site), ...usage });
      });
    }
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const peer of peers) {
      await attempt(peer, 'patches', async () => {
        const output = join(await emptied(join(directory, 'output')), 'image');
        const job = { url: '', release: RELEASE, seed: old, state: siteOf(peer), output, download };
        const usage = await measured(options, (run) => peer.fetch({ ...job, run }));
        const made = await digestFile(output, signal);
        if (made.sha256 !== wanted?.sha256) throw new Error('what it made is not the new image');
        applies.push({ pair, tool: peer.name, ...usage });
      });
    }
  }
  // What failed in a later round has figures of earlier ones, which are not to be trusted either.
  const holds = (cell: { tool: string }): boolean => !missing.some(({ tool }) => tool === cell.tool);
  return { encodes: encodes.filter(holds), applies: applies.filter(holds), missing };
}

async function measured(options: MeasureOptions, work: (run: Run) => Promise<void>): Promise<Usage> {
  const { env, signal, maxSeconds, directory } = options;
  await promisify(execFile)('sync').catch(() => undefined);
  const TMPDIR = await emptied(join(directory, 'tmp'));
  const account = openAccount({ env: { ...env, TMPDIR }, signal, timeoutSeconds: maxSeconds });
  await work(account.run);
  return account.usage();
}

/** The patch lies where the tool has left it. */
function download(path: string): Promise<void> {
  return Promise.reject(new Error(`it left no ${path}`));
}

async function emptied(directory: string): Promise<string> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  return directory;
}

async function bytesIn(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory)) bytes += (await stat(join(directory, name))).size;
  return bytes;
}
