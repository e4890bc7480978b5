/** What of a release goes to which component, and what is there already. */
import test from 'ava';
import { isSiltError } from '../../../src/core/errors.ts';
import type { Component } from '../../../src/device/update/device.ts';
import type { DeviceState } from '../../../src/device/update/device-state.ts';
import { planParts } from '../../../src/device/update/plan-parts.ts';
import type { Manifest } from '../../../src/format/manifest.ts';

const digestOf = (text: string): string => Buffer.from(text).toString('hex').padEnd(64, '0').slice(0, 64);

/** @param images `name` or `name@content` */
function manifest(...images: readonly string[]): Manifest {
  return {
    product: 'router',
    version: '2.0',
    counter: 2,
    images: images.map((image) => {
      const [name = ''] = image.split('@');
      return { name, size: 100, sha256: digestOf(image) };
    }),
  } as unknown as Manifest;
}

function component(name: string, slots: number): Component {
  const names = ['A', 'B'].slice(0, slots);
  return {
    name,
    image: `${name}-image`,
    ...(slots > 0 && {
      slots: names.map((boot) => ({ boot, device: `/dev/${name}${boot}`, rescue: false })),
    }),
    installer() {
      throw new Error('nothing is installed here');
    },
  };
}

function installed(components: Readonly<Record<string, string>>): NonNullable<DeviceState['installed']> {
  return {
    version: '1.0',
    counter: 1,
    at: 0,
    components: Object.fromEntries(
      Object.entries(components).map(([name, image]) => [
        name,
        { version: '1.0', size: 100, sha256: digestOf(image) },
      ]),
    ),
  };
}

const kernel = component('kernel', 2);
const rootfs = component('rootfs', 2);
const app = component('app', 0);
const all = [kernel, app, rootfs];

const planned = (...args: Parameters<typeof planParts>): string[] =>
  planParts(...args).map(({ component: name, same }) => `${name}${same === true ? ' same' : ''}`);

test('the parts are in declared order, whatever the order of the images', (t) => {
  const found = planParts(manifest('rootfs-image', 'other', 'app-image', 'kernel-image'), all, undefined);

  t.deepEqual(
    found.map(({ component: name, image }) => [name, image]),
    [
      ['kernel', 'kernel-image'],
      ['app', 'app-image'],
      ['rootfs', 'rootfs-image'],
    ],
  );
  t.true(found.every(({ same, size }) => same !== true && size === 100));
});

test('what is installed already is not installed again', (t) => {
  const there = installed({ kernel: 'kernel-image', rootfs: 'rootfs-image', app: 'app-image' });
  const images = ['kernel-image', 'rootfs-image', 'app-image'];

  t.deepEqual(planned(manifest(...images), all, there), ['kernel same', 'app same', 'rootfs same']);
  t.deepEqual(planned(manifest('kernel-image', 'rootfs-image', 'app-image@2'), all, there), [
    'kernel same',
    'app',
    'rootfs same',
  ]);
});

test('where one of those that start together has changed, all of them are written', (t) => {
  const there = installed({ kernel: 'kernel-image', rootfs: 'rootfs-image', app: 'app-image' });

  t.deepEqual(planned(manifest('kernel-image', 'rootfs-image@2', 'app-image'), all, there), [
    'kernel',
    'app same',
    'rootfs',
  ]);
});

test('an image of another size is another image', (t) => {
  const there = installed({ app: 'app-image' });
  const [entry] = Object.values(there.components);
  const other = {
    ...there,
    components: { app: { ...entry, version: '1.0', size: 99, sha256: digestOf('app-image') } },
  };

  t.deepEqual(planned(manifest('app-image'), [app], other), ['app']);
});

test('a component that starts alone, and has no image in the release, stays as it is', (t) => {
  t.deepEqual(planned(manifest('kernel-image', 'rootfs-image'), all, undefined), ['kernel', 'rootfs']);
  t.deepEqual(planned(manifest('app-image'), all, undefined), ['app']);
});

test('a release that has not all of what starts together is refused, by name', (t) => {
  const error = t.throws(() => planParts(manifest('rootfs-image', 'app-image'), all, undefined));

  t.true(isSiltError(error, 'NOT_COMPATIBLE'));
  t.regex(error?.message ?? '', /no image for kernel, .*together with rootfs/);
});

test('a release that has nothing for this device is refused, and says what both have', (t) => {
  const error = t.throws(() => planParts(manifest('other'), all, undefined));

  t.true(isSiltError(error, 'NOT_COMPATIBLE'));
  t.regex(error?.message ?? '', /images other.*kernel-image, app-image, rootfs-image/);
});
