/** The boot script for U-Boot does what the boot loader of the device side counts on. */
import test from 'ava';
import { bootOnce } from '../support/rauc-boot-script.ts';
import { checkSample } from '../support/sample-config.ts';
import { bootScript, runBootScript } from '../support/uboot-script.ts';

const ORDERS = [undefined, '', 'A B', 'B A', 'A', 'B', 'rescue B A', 'B B A', 'x'];
const LEFT = [undefined, '0', '1', '3', 'a'];

const states = ORDERS.flatMap((order) =>
  LEFT.flatMap((a) =>
    LEFT.map((b) => {
      const all = { BOOT_ORDER: order, BOOT_A_LEFT: a, BOOT_B_LEFT: b };
      return new Map(
        Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
      );
    }),
  ),
);

const ROOTS: Readonly<Record<string, string>> = { A: 'root=PARTLABEL=root-a', B: 'root=PARTLABEL=root-b' };
const PARTITIONS: Readonly<Record<string, string>> = { A: '0:2', B: '0:3' };

test('it starts what the model of such scripts starts, and has saved the same variables before', (t) => {
  const runs = runBootScript(states);
  t.is(runs.length, states.length);
  for (const [index, state] of states.entries()) {
    const { started, after } = bootOnce(state);
    const { partition, bootargs, isReset, saved } = runs[index]!;
    const about = JSON.stringify([...state]);
    t.deepEqual(Object.fromEntries(saved ?? []), Object.fromEntries(after), about);
    t.is(isReset, started === 'reset', about);
    t.is(partition, PARTITIONS[started], about);
    const [root] = (bootargs ?? '').split(' ');
    t.is(root, ROOTS[started] ?? '', about);
    t.is(bootargs?.split(' ').at(-1), started === 'reset' ? undefined : `silt.slot=${started}`, about);
  }
});

test('a slot without a kernel is counted, and the board restarts', (t) => {
  const [run] = runBootScript([new Map([['BOOT_ORDER', 'B A']])], false);
  t.is(run?.bootargs, undefined);
  t.true(run?.isReset);
  t.is(run?.saved?.get('BOOT_B_LEFT'), '2');
});

test('it gives as many starts as the configuration by default', (t) => {
  const { config } = checkSample({ bootLoader: 'bootLoader: { type: uboot }' });
  t.like(config?.bootLoader, { type: 'uboot', tries: Number(/^tries=(\d)$/m.exec(bootScript)?.[1]) });
});
