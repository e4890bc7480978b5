import test from 'ava';
import { checkSample, mistakesOf, warningsOf } from '../../support/sample-config.ts';

/** One component with these slots, in line 5. */
function withSlots(...slots: readonly string[]): Record<string, string> {
  const text = slots.map((slot) => `{ ${slot} }`).join(', ');
  return { components: `components: [{ name: os, installer: { type: slots, slots: [${text}] } }]` };
}

const A = 'device: /dev/a, boot: A';
const B = 'device: /dev/b, boot: B';
const none = { bootLoader: 'bootLoader: { type: none }' };

test('two slots with boot names make A/B', (t) => {
  const { config } = checkSample(withSlots(A, B));
  t.deepEqual(config?.components[0]?.installer, {
    type: 'slots',
    slots: [
      { device: '/dev/a', boot: 'A', role: 'update' },
      { device: '/dev/b', boot: 'B', role: 'update' },
    ],
  });
});

test('one device in two slots', (t) => {
  t.deepEqual(mistakesOf(withSlots(A, 'device: /dev//a, boot: B')), [
    'd.yaml:5:99: components[0].installer.slots[1].device: expected a place of its own, found /dev/a, which is one of the component os already',
  ]);
});

test('two components on one device', (t) => {
  const components = `components:
  - { name: a, installer: { type: file, path: /data/x } }
  - { name: b, installer: { type: directory, root: /data/./x/ } }`;
  t.deepEqual(mistakesOf({ components, ...none }), [
    'd.yaml:7:52: components[1].installer.root: expected a place of its own, found /data/x, which is one of the component a already',
  ]);
});

test('two components of one name, in any letters', (t) => {
  const components = `components:
  - { name: a, installer: { type: file, path: /data/x } }
  - { name: A, installer: { type: file, path: /data/y } }`;
  t.deepEqual(mistakesOf({ components, ...none }), [
    'd.yaml:7:13: components[1].name: expected another name than those of the components above, found A again',
  ]);
});

test('A/B without a boot loader', (t) => {
  t.deepEqual(mistakesOf({ ...withSlots(A, B), ...none }), [
    'd.yaml:5:59: components[0].installer.slots: expected a boot loader that chooses among 2 slots, found type: none; configure bootLoader',
  ]);
});

test('A/B without a boot name', (t) => {
  t.deepEqual(mistakesOf(withSlots(A, 'device: /dev/b')), [
    'd.yaml:5:89: components[0].installer.slots[1]: expected boot, the name by which the boot loader knows this slot, found none; add it',
  ]);
});

test('a boot name of two slots', (t) => {
  t.regex(
    mistakesOf(withSlots(A, 'device: /dev/b, boot: a')).join('\n'),
    /^.*slots\[1\]\.boot: .*found a again$/,
  );
});

test('a boot name that GRUB cannot have', (t) => {
  const changes = withSlots(A, 'device: /dev/b, boot: b.2');
  t.regex(mistakesOf(changes).join('\n'), /^.*slots\[1\]\.boot: .*grub.* found b\.2$/);
  t.deepEqual(mistakesOf({ ...changes, bootLoader: 'bootLoader: { type: systemd-boot }' }), []);
});

test('a boot name that nobody knows', (t) => {
  t.regex(mistakesOf({ ...withSlots(A), ...none }).join('\n'), /^.*slots\[0\]\.boot: .*leave boot out$/);
});

test('a rescue slot beside one to update needs no second one', (t) => {
  const rescue = 'device: /dev/r, boot: R, role: rescue';
  const { mistakes, warnings } = checkSample(withSlots(A, rescue));
  t.deepEqual([mistakes, warnings], [[], []]);
  t.regex(mistakesOf(withSlots(rescue)).join('\n'), /slots: expected a slot with the role update/);
  const two = withSlots(A, rescue, 'device: /dev/s, boot: S, role: rescue');
  t.regex(mistakesOf(two).join('\n'), /^[^\n]*slots: expected one rescue slot at most, found more$/);
});

test('a single slot is a warning', (t) => {
  t.regex(
    warningsOf({ ...withSlots('device: /dev/a'), ...none }).join('\n'),
    /^.*slots: one slot and no rescue/,
  );
});

test('a boot loader without anything to choose is a warning', (t) => {
  const components = 'components: [{ name: a, installer: { type: file, path: /x } }]';
  t.regex(warningsOf({ components }).join('\n'), /^d\.yaml:6:13: bootLoader: no component has two slots/);
});

test('components that are started together have the same boot names', (t) => {
  const components = (second: string) => `components:
  - { name: k, installer: { type: slots, slots: [{ device: /k/a, boot: A }, { device: /k/b, boot: B }] } }
  - { name: r, installer: { type: slots, slots: [{ device: /r/b, boot: B }, { device: /r/a, boot: ${second} }] } }`;
  t.deepEqual(mistakesOf({ components: components('A') }), []);
  t.deepEqual(mistakesOf({ components: components('C') }), [
    'd.yaml:7:49: components[1].installer.slots: expected the boot names A, B, as the component k has them, found B, C; slots of one name are started together',
  ]);
});

test('U-Boot has its environment by fw_env.config, or by places that share no sector', (t) => {
  const uboot = (text: string) => ({ bootLoader: `bootLoader: { type: uboot${text} }` });
  const copies = (second: string) => `, copies: [{ path: /e, offset: 0x0 }, { path: /e, offset: ${second} }]`;
  t.like(checkSample(uboot('')).config?.bootLoader, { fwEnvConfig: '/etc/fw_env.config', tries: 3 });
  t.like(checkSample(uboot(`${copies('0x4000')}, size: 16KiB`)).config?.bootLoader, {
    copies: [
      { path: '/e', offset: 0 },
      { path: '/e', offset: 0x4000 },
    ],
    size: 0x4000,
    fwEnvConfig: undefined,
  });
  t.regex(mistakesOf(uboot(`${copies('0x3e00')}, size: 0x4000`)).join(), /share no sector of 512 bytes/);
  t.regex(mistakesOf(uboot(`${copies('0x4000')}, size: 0x4000, sectorSize: 64KiB`)).join(), /of 65536 bytes/);
  t.deepEqual(mistakesOf(uboot(`${copies('-0x4000')}, size: 0x4000`)), []);
  t.regex(mistakesOf(uboot(copies('0x4000'))).join(), /expected size, that of each copy/);
  t.regex(mistakesOf(uboot(`${copies('0x4000')}, size: 0x4000, fwEnvConfig: a`)).join(), /leave one out/);
  t.regex(mistakesOf(uboot(', size: 0x4000')).join(), /bootLoader\.size: expected copies with it/);
  t.regex(warningsOf(uboot(', size: 512, copies: [{ path: /e, offset: 0 }]')).join(), /one copy/);
});

test('a command may have {path} and {version}, and nothing else in braces', (t) => {
  const deb = (argument: string) => ({
    components: `components: [{ name: a, installer: { type: deb, directory: /d, install: [dpkg, "${argument}"] } }]`,
    ...none,
  });
  t.deepEqual(mistakesOf(deb('{path}_{version}')), []);
  t.regex(
    mistakesOf(deb('{file}')).join(),
    /installer\.install\[1\]: expected \{path\} or \{version\} .* "\{file\}"$/,
  );
});
