/** Which slot an update goes to. */
import test from 'ava';
import { isSiltError } from '../../../src/core/errors.ts';
import type { BootState } from '../../../src/device/boot/boot-loader.ts';
import { chooseSlots, slotPaths } from '../../../src/device/update/choose-slots.ts';
import type { Component } from '../../../src/device/update/device.ts';

/** @param names of the slots; `rescue` is one of them */
function component(names: readonly (string | undefined)[], name = 'rootfs'): Component {
  return {
    name,
    image: name,
    slots: names.map((boot, index) => ({
      boot,
      device: `/dev/${name}${index}`,
      rescue: boot === 'rescue',
    })),
    installer() {
      throw new Error('nothing is installed here');
    },
  };
}

const file: Component = {
  name: 'motor',
  image: 'motor',
  installer() {
    throw new Error('nothing is installed here');
  },
};

function order(...names: readonly string[]): BootState {
  return {
    order: names.map((name) => ({ name, triesLeft: undefined, bootable: true })),
    primary: names[0],
  };
}

test('of two slots the one that does not run is written', (t) => {
  const slots = [component(['A', 'B'])];

  t.deepEqual(chooseSlots(slots, 'A', order('A', 'B')), {
    boot: { from: 'A', target: 'B' },
    viaRescue: false,
  });
  t.deepEqual(chooseSlots(slots, 'B', order('A', 'B')), {
    boot: { from: 'B', target: 'A' },
    viaRescue: false,
  });
  t.is(chooseSlots(slots, 'A', undefined).boot?.target, 'B');
});

test('of three slots the one that would be started last is written', (t) => {
  const slots = [component(['A', 'B', 'C'])];

  t.is(chooseSlots(slots, 'A', order('A', 'B', 'C')).boot?.target, 'C');
  t.is(chooseSlots(slots, 'C', order('C', 'A', 'B')).boot?.target, 'B');
  t.is(chooseSlots(slots, 'B', order('C', 'A', 'B')).boot?.target, 'A');
  t.is(chooseSlots(slots, 'A', order('foreign', 'A', 'C', 'B', 'more')).boot?.target, 'B');
});

test('a rescue system is never written, and never counts as the other slot', (t) => {
  const slots = [component(['A', 'B', 'rescue'])];

  t.is(chooseSlots(slots, 'A', order('A', 'B', 'rescue')).boot?.target, 'B');
  t.is(chooseSlots(slots, 'rescue', order('rescue', 'A', 'B')).boot?.target, 'B');
});

test('the only slot is written by way of the rescue system, and without a way where that runs already', (t) => {
  const slots = [component(['main', 'rescue'])];
  const boot = { from: 'rescue', target: 'main' };

  t.deepEqual(chooseSlots(slots, 'main', order('main', 'rescue')), { boot, viaRescue: true });
  t.deepEqual(chooseSlots(slots, 'rescue', order('rescue', 'main')), { boot, viaRescue: false });
});

test('where nothing is started by the boot loader, nobody needs to know what runs', (t) => {
  const none = { boot: undefined, viaRescue: false };

  t.deepEqual(chooseSlots([file], undefined, undefined), none);
  t.deepEqual(chooseSlots([file, component([undefined])], 'foreign', undefined), none);
});

for (const running of [undefined, 'foreign']) {
  test(`where ${running ?? 'nobody knows what'} runs, no slot is chosen`, (t) => {
    const error = t.throws(() => chooseSlots([component(['A', 'B'])], running, order('A', 'B')));

    t.true(isSiltError(error, 'BOOT_STATE_INVALID'));
    t.regex(error?.message ?? '', /A, B.*silt\.slot/);
  });
}

test('all that starts together is written to the slots of one boot name', (t) => {
  const rootfs = component(['A', 'B'], 'rootfs');
  const kernel = component(['B', 'A'], 'kernel');
  const { boot } = chooseSlots([file, rootfs, kernel], 'A', order('A', 'B'));

  t.deepEqual(slotPaths(rootfs, boot), { target: '/dev/rootfs1', active: '/dev/rootfs0' });
  t.deepEqual(slotPaths(kernel, boot), { target: '/dev/kernel0', active: '/dev/kernel1' });
  t.is(slotPaths(file, boot), undefined);
});

test('a rescue system is no active slot, and a single slot has none', (t) => {
  const boot = { from: 'rescue', target: 'main' };

  t.deepEqual(slotPaths(component(['main', 'rescue']), boot), { target: '/dev/rootfs0', active: undefined });
  t.deepEqual(slotPaths(component([undefined]), undefined), { target: '/dev/rootfs0' });
});

test('a slot that the configuration has lost in the middle of an update is missed by name', (t) => {
  const error = t.throws(() => slotPaths(component(['A', 'B']), { from: 'A', target: 'C' }));

  t.true(isSiltError(error, 'CONFIG_INVALID'));
  t.regex(error?.message ?? '', /C.*rootfs/);
});
