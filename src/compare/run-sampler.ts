/**
 * CPU time and memory of a process group as `/proc` tells while it runs: for a machine without GNU time.
 *
 * Exact enough to compare programs that run for a second, not for shorter ones: a look every 20 ms misses what
 * happens after the last one, and processes that live between two. Peak memory is the kernel's own high-water
 * mark, so that only growth after the last look is missed. CPU time counts in hundredths of a second; a child
 * counts while it runs, and once its parent has waited for it. Where there is no `/proc`, all is 0.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { peakMemoryOf } from '../io/peak-memory.ts';

const INTERVAL_MS = 20;

/** Ticks a second in /proc: a constant of Linux on every machine that Node.js runs on. */
const TICKS = 100;

export interface Sampled {
  readonly cpuSeconds: number;
  readonly peakMemory: number;
}

export interface Sampler {
  /** Begins to look at the processes of the group `pid`, and at their children that have left it. */
  start(pid: number): void;
  stop(): Sampled;
}

interface ProcessLook {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly ticks: number;
}

/** To be made before the group is started. */
export function createSampler(): Sampler {
  // What was there before cannot be of the group: hundreds of processes, and each look would cost.
  const others = new Set(processIds());
  let cpuSeconds = 0;
  let peakMemory = 0;
  let timer: NodeJS.Timeout | undefined;
  const look = (group: number): void => {
    const looks = processIds()
      .filter((id) => !others.has(id))
      .flatMap((id) => lookAt(id) ?? []);
    const members = membersOf(group, looks);
    const ticks = members.reduce((sum, member) => sum + member.ticks, 0);
    cpuSeconds = Math.max(cpuSeconds, ticks / TICKS);
    peakMemory = Math.max(peakMemory, ...members.map((member) => peakMemoryOf(member.pid) ?? 0));
  };
  return {
    start(pid) {
      look(pid);
      timer = setInterval(look, INTERVAL_MS, pid);
    },
    stop() {
      clearInterval(timer);
      return { cpuSeconds, peakMemory };
    },
  };
}

function membersOf(group: number, looks: readonly ProcessLook[]): ProcessLook[] {
  const members = new Map<number, ProcessLook>();
  // Parents have started before their children, but numbers may have wrapped around: look until nothing is new.
  for (let found = -1; found < members.size; ) {
    found = members.size;
    for (const look of looks) {
      if (look.group === group || members.has(look.parent)) members.set(look.pid, look);
    }
  }
  return [...members.values()];
}

function processIds(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** `undefined` for a process that has ended meanwhile. */
function lookAt(pid: number): ProcessLook | undefined {
  const text = readStat(pid);
  // The name stands in brackets and may hold anything; state, parent and group follow it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return text === '' ? undefined : { pid, parent: Number(fields[1]), group: Number(fields[2]), ticks };
}

function readStat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}
