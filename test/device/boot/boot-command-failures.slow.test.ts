/** A boot loader's program that fails in every way, at each call. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { BootLoader } from '../../../src/device/boot/boot-loader.ts';
import { commandBootLoader } from '../../../src/device/boot/command-boot-loader.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

/** Keeps the first slot in `primary` and those that are bad in `bad`; reads a fault from a file, if there is one. */
const SCRIPT = `cd "$(dirname "$0")"
[ ! -e fault ] || . ./fault
case $1 in
get-primary) cat primary ;;
set-primary) echo "$2" >primary; grep -vx "$2" bad >bad.new; mv bad.new bad ;;
get-state) if grep -qx "$2" bad; then echo bad; else echo good; fi ;;
set-state) grep -vx "$2" bad >bad.new; [ "$3" = good ] || echo "$2" >>bad.new; mv bad.new bad ;;
*) exit 2 ;;
esac
`;

const calls: Readonly<Record<string, (loader: BootLoader) => Promise<unknown>>> = {
  read: (loader) => loader.read(),
  activate: (loader) => loader.activate('B', 3),
  markGood: (loader) => loader.markGood('B'),
  markBad: (loader) => loader.markBad('A'),
};

const faults: Readonly<
  Record<string, { readonly script: string; readonly says: RegExp; readonly limitMs?: number }>
> = {
  'an exit status': { script: 'echo "no such device" >&2; exit 7', says: /status 7: no such device$/ },
  'a hang': { script: 'while :; do sleep 1000; done', says: /longer than 0.3 s/, limitMs: 300 },
  'a hang that ignores SIGTERM': {
    script: 'trap "" TERM; while :; do sleep 1000; done',
    says: /longer than 0.3 s/,
    limitMs: 300,
  },
  'a crash': { script: 'kill -SEGV $$', says: /killed by SIGSEGV$/ },
};

for (const [call, run] of Object.entries(calls)) {
  for (const [what, { script, says, limitMs }] of Object.entries(faults)) {
    test(`command: ${what} fails ${call}, changes nothing, and is over when it is over`, async (t) => {
      const directory = await temporaryDirectory(t);
      const at = (name: string): string => join(directory, name);
      const open = (limit?: number): BootLoader =>
        commandBootLoader({
          command: ['sh', at('program')],
          slots: ['A', 'B'],
          limitMs: limit,
          graceMs: 100,
        });
      await writeFile(at('program'), SCRIPT);
      await writeFile(at('primary'), 'A\n');
      await writeFile(at('bad'), 'B\n');
      await writeFile(at('fault'), script);

      const error = await throwsSilt(t, () => run(open(limitMs)), 'BOOT_FAILED');

      t.regex(error.message, says);
      t.is(await readFile(at('primary'), 'utf8'), 'A\n');
      t.is(await readFile(at('bad'), 'utf8'), 'B\n');
      await rm(at('fault'));
      await run(open());
      const { order } = await open().read();
      const bootable = order.filter((slot) => slot.bootable).map(({ name }) => name);
      const expected = { read: ['A'], activate: ['B', 'A'], markGood: ['B', 'A'], markBad: [] };
      t.deepEqual(bootable, expected[call as keyof typeof expected]);
    });
  }
}
