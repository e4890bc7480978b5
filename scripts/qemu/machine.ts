/**
 * A machine in QEMU with 512 MiB, one start at a time: what it says on its serial console, how it ended, and what
 * a power cut leaves of its disk.
 *
 * A power cut is SIGKILL to QEMU. The disk is then what the guest had flushed: each start writes to an overlay
 * (qcow2, 64 KiB clusters) that knows where its clusters are only in QEMU's memory until the guest flushes. So
 * clusters first written since the last flush are lost with QEMU. Those that were there before keep what was
 * written since. After every start the overlay goes into the disk. Torn and reordered writes are not modelled
 * here; `npm run crash-states` does that.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { runTool, TOOL_ENVIRONMENT } from './run-tool.ts';

const MEMORY_MIB = 512;

export type Accelerator = 'kvm' | 'tcg';

export interface Machine {
  readonly accelerator: Accelerator;
  /** The raw image; whole between two starts. */
  readonly disk: string;
  /** The longest that one start may take, in seconds. */
  readonly limit: number;
}

export interface Start {
  /** What the guest is to do, as guest/init.sh knows it. */
  readonly steps: readonly string[];
  /** The power is cut as soon as this says so of a line of the console. */
  readonly cutAt?: ((line: string) => boolean) | undefined;
  /** The power is cut when this is aborted. */
  readonly cut?: AbortSignal | undefined;
  /** Where the console is kept. */
  readonly log: string;
}

export interface Ended {
  readonly how: 'off' | 'restart' | 'panic' | 'cut';
  readonly lines: readonly string[];
  readonly seconds: number;
}

/** Starts the machine and waits until it ends. @throws Error when it hangs, or ends as none should */
export async function start(machine: Machine, { steps, cutAt, cut, log }: Start): Promise<Ended> {
  const began = performance.now();
  const overlay = `${machine.disk}.overlay`;
  const layers = ['-F', 'raw', '-b', machine.disk];
  await runTool('qemu-img', ['create', '-q', '-f', 'qcow2', ...layers, overlay]);
  const qemu = spawn('qemu-system-x86_64', qemuArguments(machine, overlay, steps), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: TOOL_ENVIRONMENT,
  });
  const endWithUs = (): void => void qemu.kill('SIGKILL');
  process.once('exit', endWithUs);
  const lines: string[] = [];
  let wasCut = false;
  let hangs = false;
  const cutPower = (): void => {
    wasCut = true;
    qemu.kill('SIGKILL');
  };
  cut?.addEventListener('abort', cutPower, { once: true });
  const bound = setTimeout(() => {
    hangs = true;
    qemu.kill('SIGKILL');
  }, machine.limit * 1000);
  listen(qemu, log, (line) => {
    lines.push(line);
    if (!wasCut && cutAt?.(line)) cutPower();
  });
  const [status] = await once(qemu, 'close');
  clearTimeout(bound);
  process.off('exit', endWithUs);
  cut?.removeEventListener('abort', cutPower);
  if (hangs) throw new Error(`expected a start to end within ${machine.limit} s; its console is in ${log}`);
  if (!wasCut && status !== 0) throw new Error(`qemu-system-x86_64 ended with ${status}: ${lines.at(-1)}`);
  await runTool('qemu-img', ['commit', '-q', overlay]);
  await rm(overlay);
  const seconds = (performance.now() - began) / 1000;
  return { how: wasCut ? 'cut' : endOf(lines, log), lines, seconds };
}

function endOf(lines: readonly string[], log: string): Ended['how'] {
  if (lines.includes('qemu: powers off')) return 'off';
  if (lines.includes('qemu: restarts')) return 'restart';
  if (lines.some((line) => line.includes('Kernel panic'))) return 'panic';
  throw new Error(`the machine ended without saying why; its console is in ${log}`);
}

/** Hears the lines of the console, without what terminals alone understand, and keeps them with the time. */
function listen({ stdout, stderr }: ChildProcess, log: string, hear: (line: string) => void): void {
  if (stdout === null || stderr === null) throw new Error('expected pipes');
  const began = performance.now();
  for (const stream of [stdout, stderr]) {
    createInterface(stream).on('line', (raw) => {
      const line = stripVTControlCharacters(raw).trim();
      appendFileSync(log, `${((performance.now() - began) / 1000).toFixed(2).padStart(7)} ${line}\n`);
      hear(line);
    });
  }
}

function qemuArguments({ accelerator }: Machine, overlay: string, steps: readonly string[]): string[] {
  const processor =
    accelerator === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host', '-smp', '2']
      : // Room for all that Node.js compiles; a second processor costs more than it helps.
        ['-accel', 'tcg,tb-size=512', '-cpu', 'max'];
  return [
    ...['-nodefaults', '-display', 'none', '-no-reboot', '-machine', 'pc', '-m', String(MEMORY_MIB)],
    ...processor,
    ...['-serial', 'stdio'],
    // "unsafe" leaves out only what would bring data from the host's memory to its disk.
    ...['-drive', `file=${overlay},format=qcow2,if=virtio,cache=unsafe`],
    // Nothing is started from the network.
    ...['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile='],
    ...['-fw_cfg', `name=opt/silt-steps,string=${steps.join(' ')}`],
  ];
}

/** Whether the processor can be used directly: not where /dev/kvm is missing, or is there and does not work. */
export async function findAccelerator(kernel: string): Promise<Accelerator> {
  const arguments_ = [
    '-nodefaults',
    '-display',
    'none',
    '-no-reboot',
    '-m',
    '256',
    '-accel',
    'kvm',
    '-cpu',
    'host',
  ];
  const boot = ['-serial', 'stdio', '-kernel', kernel, '-append', 'console=ttyS0 panic=-1'];
  const qemu = spawn('qemu-system-x86_64', [...arguments_, ...boot], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: TOOL_ENVIRONMENT,
  });
  const closed = once(qemu, 'close');
  const bound = setTimeout(() => qemu.kill('SIGKILL'), 5000);
  let works = false;
  createInterface(qemu.stdout).on('line', (line) => {
    // A kernel that says so has been started, and has come to its first lines.
    if (!line.includes('Linux version')) return;
    works = true;
    qemu.kill('SIGKILL');
  });
  await closed;
  clearTimeout(bound);
  return works ? 'kvm' : 'tcg';
}
