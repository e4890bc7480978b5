/**
 * A device with two slots in QEMU, `npm run qemu`: Debian's kernel and GRUB on a disk image, signed releases over
 * HTTP, and three stories: an update that works, two that do not and fall back, one whose power is cut three times.
 * What is said on the serial console and what is on the disk after each start is held to what is expected.
 *
 * With KVM where that works, else emulated, which takes some five times longer. The last line sums up. After a
 * failure the consoles and the disk are kept, and the exit status is 1.
 *
 * @module
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { alignRows } from '../../src/cli/align-rows.ts';
import { checkGrubDecisions } from './grub-decisions.ts';
import { findKernel } from './kernel.ts';
import { Lab } from './lab.ts';
import { findAccelerator } from './machine.ts';
import { openImageMaker } from './root-image.ts';
import { itFallsBack, itSurvivesPowerCuts, itUpdates } from './stories.ts';

const ENDS = { off: 'power off', restart: 'restart', panic: 'kernel panic', cut: 'power cut' } as const;
/** In seconds: all of it, and a single start. */
const LIMITS = { kvm: { all: 360, start: 60 }, tcg: { all: 900, start: 180 } } as const;

const { values } = parseArgs({
  options: {
    dist: { type: 'string' },
    keep: { type: 'boolean', default: false },
    minutes: { type: 'string' },
  },
});
const dist = values.dist ?? fileURLToPath(new URL('../../dist', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const directory = mkdtempSync(join(tmpdir(), 'silt-qemu-'));
process.on('exit', (status) => {
  if (status !== 1 && !values.keep) rmSync(directory, { recursive: true, force: true });
});
// What runs in QEMU ends with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const began = performance.now();
const stories = [itUpdates, itFallsBack, itSurvivesPowerCuts];
let lab: Lab | undefined;
try {
  const kernel = await findKernel();
  const accelerator = await findAccelerator(kernel.path);
  say(
    `kernel ${kernel.release}, ${accelerator === 'kvm' ? 'with KVM' : 'emulated: KVM is missing or does not work'}`,
  );
  const maker = await openImageMaker(kernel, dist, directory);
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  const { all, start } =
    minutes === undefined ? LIMITS[accelerator] : { all: minutes * 60, start: minutes * 20 };
  const limit = (): number => {
    const left = all - (performance.now() - began) / 1000;
    if (left <= 0)
      throw new Error(`expected it to be done within ${all} s; this machine is too slow or too busy`);
    return Math.min(left, start);
  };
  lab = await Lab.open({ directory, maker, accelerator, limit, say });
  const states = await checkGrubDecisions(lab.disk, directory);
  say(`GRUB takes the right slot in each of ${states} states of its variables`);
  for (const story of stories) await story(lab);
} catch (error) {
  process.exitCode = 1;
  tellConsole();
  say(`the consoles and the disk are in ${directory}`);
  process.stderr.write(`qemu failed: ${error instanceof Error ? error.message : error}\n`);
} finally {
  await lab?.[Symbol.asyncDispose]();
  const rows = lab?.rows ?? [];
  say('');
  for (const line of table(rows)) say(line);
  const failed = process.exitCode === 1;
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const outcome = failed ? 'then one was not as expected' : `all as expected, ${seconds} s`;
  say(`\nqemu: ${stories.length} stories, ${rows.length} starts, ${outcome}`);
}

/** The end of the last console, for a log of which nothing else is kept. */
function tellConsole(): void {
  const path = join(directory, `console-${(lab?.rows.length ?? 0) + 1}.log`);
  if (!existsSync(path)) return;
  for (const line of readFileSync(path, 'utf8').trimEnd().split('\n').slice(-40)) say(`  | ${line}`);
}

function table(rows: Lab['rows']): string[] {
  const head = ['start', 'story', 'slot', 'version', 'what happens', 'ends by', 'seconds'];
  const body = rows.map(({ story, what, expected, seconds }, index) => [
    ...[String(index + 1), String(story), expected.slot, `${expected.version}.0.0`],
    ...[what, ENDS[expected.how], seconds.toFixed(1)],
  ]);
  return alignRows([head, ...body], 0);
}
