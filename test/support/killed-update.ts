/**
 * Updates that are killed again and again until one comes to an end.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import type { UpdatePlan } from './update-child.ts';
import { inUse, type UpdatingDesk } from './updating-desk.ts';

const program = fileURLToPath(new URL('update-child.ts', import.meta.url));
/** More than any update needs. */
const MAX_RUNS = 120;

export interface KilledUpdate {
  readonly outcome: string;
  readonly kills: number;
}

/**
 * Runs the update of `desk` in processes that die where `killAt` says, and looks at the device after each: what
 * would boot is one system or the other, whole.
 */
export async function killUntilDone(
  t: ExecutionContext<unknown>,
  desk: UpdatingDesk,
  options: {
    readonly healthy: boolean;
    /** @param run from 0 */
    readonly killAt: (run: number) => UpdatePlan['killAt'];
    readonly restarts: (run: number) => boolean;
  },
): Promise<KilledUpdate> {
  const { healthy } = options;
  const { root, repository } = desk;
  for (let run = 0; run < MAX_RUNS; run++) {
    const killAt = options.killAt(run);
    const outcome = await runChild({ root, repository, healthy, killAt, restarts: options.restarts(run) });
    const [rootfs] = (await inUse(desk)).split(' ');
    t.true(rootfs === '1.0' || rootfs === '2.0', `${JSON.stringify(killAt)}: ${rootfs} would boot`);
    if (outcome !== undefined) return { outcome, kills: run };
  }
  throw new Error(`no end after ${MAX_RUNS} kills`);
}

/** The outcome; `undefined` when it was killed. */
async function runChild(plan: UpdatePlan): Promise<string | undefined> {
  const child = spawn(process.execPath, [program, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (child.signalCode === 'SIGKILL') return undefined;
  if (child.exitCode !== 0) throw new Error(`the update ended with status ${child.exitCode}`);
  return printed.trim();
}
