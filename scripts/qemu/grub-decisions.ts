/**
 * Holds packaging/grub/grub.cfg to what it promises, in GRUB itself: for every state of two slots, which one it
 * starts, and what it notes before. The disk has no slots, so that GRUB stops there.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import {
  decodeGrubEnvironment,
  encodeGrubEnvironment,
  withGrubVariables,
} from '../../src/device/boot/grub-environment.ts';
import { partition } from './disk-layout.ts';
import { readGrubVariables } from './disk-state.ts';
import { runTool, TOOL_ENVIRONMENT } from './run-tool.ts';

/** In milliseconds; GRUB needs less than a second. */
const LIMIT_MS = 60_000;
/** What grub.cfg says last, when it can start nothing. */
const END = /cannot be started|expected a slot that is OK/;

interface Variables {
  readonly ORDER: string;
  readonly A_OK: string;
  readonly A_TRY: string;
  readonly B_OK: string;
  readonly B_TRY: string;
}

type Slot = 'A' | 'B';

/** Every state of the variables; `Z` is a slot of some other tool, which is passed over. */
function states(): Variables[] {
  const bits = ['0', '1'];
  const orders = ['A B', 'B Z A'];
  return orders.flatMap((ORDER) =>
    bits.flatMap((A_OK) =>
      bits.flatMap((A_TRY) =>
        bits.flatMap((B_OK) => bits.map((B_TRY) => ({ ORDER, A_OK, A_TRY, B_OK, B_TRY }))),
      ),
    ),
  );
}

/** What is to be started, and the variables after that. */
function expected(before: Variables): { readonly slot: Slot | undefined; readonly after: Variables } {
  const order = before.ORDER.split(' ').filter((name): name is Slot => name === 'A' || name === 'B');
  const good = order.filter((slot) => before[`${slot}_OK`] === '1');
  const untried = good.find((slot) => before[`${slot}_TRY`] === '0');
  const slot = untried ?? good[0];
  if (slot === undefined) return { slot, after: before };
  const cleared = untried === undefined ? { ...before, A_TRY: '0', B_TRY: '0' } : before;
  return { slot, after: { ...cleared, [`${slot}_TRY`]: '1' } };
}

/**
 * @param disk as `makeDisk` makes it; it is not changed
 * @returns the number of states
 * @throws Error for the first one that GRUB takes otherwise
 */
export async function checkGrubDecisions(disk: string, work: string): Promise<number> {
  const { start, size } = partition('boot');
  // As far as GRUB reads, and no more.
  const front = (await readFile(disk)).subarray(0, start + size);
  const path = join(work, 'grub-only.img');
  const environment = join(work, 'grubenv');
  const empty = decodeGrubEnvironment(await runTool('mtype', ['-i', `${disk}@@${start}`, '::/grub/grubenv']));
  for (const before of states()) {
    await writeFile(path, front);
    await writeFile(environment, encodeGrubEnvironment(withGrubVariables(empty, { ...before })));
    await runTool('mcopy', ['-o', '-i', `${path}@@${start}`, environment, '::/grub/grubenv']);
    const said = await runGrub(path);
    const { slot, after } = expected(before);
    const found = /starting slot (\S+)/.exec(said)?.[1];
    const noted = await readGrubVariables(path);
    const isNoted = Object.entries(after).every(([name, value]) => noted.get(name) === value);
    if (found !== slot || !isNoted) {
      const wanted = `GRUB to start ${slot ?? 'nothing'} and to note ${JSON.stringify(after)}`;
      const was = `${found ?? 'nothing'} and ${JSON.stringify(Object.fromEntries(noted))}`;
      throw new Error(`with ${JSON.stringify(before)} expected ${wanted}, found ${was}`);
    }
  }
  return states().length;
}

/** Runs GRUB until it gives up, which is after it has noted what it does; gives what it said. */
async function runGrub(path: string): Promise<string> {
  const machine = ['-nodefaults', '-display', 'none', '-no-reboot', '-m', '64', '-serial', 'stdio'];
  const drive = ['-drive', `file=${path},format=raw,if=virtio,cache=unsafe`];
  const qemu = spawn('qemu-system-x86_64', [...machine, ...drive], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: TOOL_ENVIRONMENT,
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const endWithUs = (): void => void qemu.kill('SIGKILL');
  process.once('exit', endWithUs);
  const closed = once(qemu, 'close');
  let said = '';
  let isDone = false;
  for await (const line of createInterface(qemu.stdout)) {
    said += `${stripVTControlCharacters(line)}\n`;
    if (!END.test(line)) continue;
    isDone = true;
    qemu.kill('SIGKILL');
  }
  await closed;
  process.off('exit', endWithUs);
  if (!isDone) throw new Error(`expected GRUB to find no system, found: ${said}`);
  return said;
}
