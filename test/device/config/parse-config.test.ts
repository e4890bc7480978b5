import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { isSiltError } from '../../../src/core/errors.ts';
import { parseConfig, readConfig } from '../../../src/device/config/parse-config.ts';
import { checkSample, sampleConfig } from '../../support/sample-config.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const source = { path: '/etc/silt/device.yaml' };

test('defaults are filled in', (t) => {
  t.deepEqual(parseConfig(sampleConfig(), source).config, {
    device: { id: 'gw-1', idFile: undefined, hardware: 'imx8', variant: undefined },
    product: 'gateway',
    channel: 'stable',
    repositories: ['https://updates.example.com/'],
    trust: {
      policy: 'tuf',
      root: '/etc/silt/root.json',
      anchors: undefined,
      intermediates: undefined,
      crls: [],
      purpose: 'codeSigning',
      tls: { ca: undefined, pins: [], cert: undefined, key: undefined },
      recipient: { cert: undefined, key: undefined },
    },
    components: [
      {
        name: 'rootfs',
        image: 'rootfs',
        installer: {
          type: 'slots',
          slots: [
            { device: '/dev/mmcblk0p2', boot: 'A', role: 'update' },
            { device: '/dev/mmcblk0p3', boot: 'B', role: 'update' },
          ],
        },
      },
    ],
    bootLoader: { type: 'grub', environment: '/boot/efi/EFI/BOOT/grubenv' },
    hooks: {
      preInstall: undefined,
      postInstall: undefined,
      preReboot: undefined,
      reboot: { command: ['systemctl', 'reboot'], timeout: 300, environment: undefined },
      health: { command: ['/bin/true'], timeout: 300, environment: undefined },
      failure: undefined,
      defer: undefined,
    },
    stateDirectory: '/var/lib/silt',
    budgets: { maxBytes: undefined, maxRequests: undefined, seconds: undefined },
    polling: { interval: 21_600, jitter: 600, windows: [] },
    feedback: undefined,
  });
});

test('durations become seconds, sizes bytes, times of day minutes, modes numbers', (t) => {
  const { config } = checkSample({
    components: 'components: [{ name: a, image: b, installer: { type: file, path: x, mode: 0750 } }]',
    bootLoader: 'bootLoader: { type: none }',
    budgets: 'budgets: { maxBytes: 1.5GB, maxRequests: 100, seconds: 90 }',
    polling: `polling: { interval: 2d, jitter: 90s,
      windows: [{ days: [sat], from: 9:05, to: 24:00, timeZone: Europe/Berlin }] }`,
  });
  t.deepEqual(config?.components, [
    {
      name: 'a',
      image: 'b',
      installer: { type: 'file', path: '/etc/silt/x', mode: 0o750, owner: undefined },
    },
  ]);
  t.deepEqual(config?.budgets, { maxBytes: 1_500_000_000, maxRequests: 100, seconds: 90 });
  t.deepEqual(config?.polling, {
    interval: 172_800,
    jitter: 90,
    windows: [{ days: ['sat'], from: 545, to: 1440, timeZone: 'Europe/Berlin' }],
  });
});

test('texts stay as they were written, whatever YAML would make of them', (t) => {
  const { config } = checkSample({
    device: 'device: { id: 0012, hardware: 1.10, variant: no }',
    product: 'product: 1e3',
    channel: 'channel: "null"',
  });
  t.deepEqual(config?.device, { id: '0012', idFile: undefined, hardware: '1.10', variant: 'no' });
  t.deepEqual([config?.product, config?.channel], ['1e3', 'null']);
});

test('relative paths, repositories and programs begin where the file is', (t) => {
  const { config } = checkSample({
    repositories: 'repositories: [../repo, /media/usb, "s3://bucket/x", "http://a.example/b"]',
    hooks: 'hooks: { health: { command: [./health, x/y] }, failure: { command: [logger, ./a] } }',
  });
  t.deepEqual(config?.repositories, ['/etc/repo', '/media/usb', 's3://bucket/x', 'http://a.example/b']);
  t.deepEqual(config?.hooks.health?.command, ['/etc/silt/health', 'x/y']);
  t.deepEqual(config?.hooks.failure?.command, ['logger', './a']);
});

test('the environment of a command is texts by name', (t) => {
  const { config } = checkSample({
    hooks: 'hooks: { health: { command: [a], environment: { LEVEL: 3, __proto__: x, EMPTY: "" } } }',
  });
  const found = config?.hooks.health?.environment ?? {};
  t.deepEqual(Object.entries(found), [
    ['LEVEL', '3'],
    ['__proto__', 'x'],
    ['EMPTY', ''],
  ]);
});

test('JSON is YAML', (t) => {
  const { config } = parseConfig(sampleConfig(), source);
  const text = JSON.stringify({
    device: { id: 'gw-1', hardware: 'imx8' },
    product: 'gateway',
    repositories: config.repositories,
    trust: { root: 'root.json' },
    components: [{ name: 'rootfs', installer: config.components[0]?.installer }],
    bootLoader: { type: 'grub' },
    hooks: { health: { command: ['/bin/true'] } },
  });
  t.deepEqual(parseConfig(text, source).config, config);
});

test('a file with a byte order mark and Windows line ends is read, and its lines are counted', (t) => {
  const text = `\ufeff${sampleConfig().replaceAll('\n', '\r\n')}`;
  t.is(parseConfig(text, source).config.product, 'gateway');
  const error = t.throws(() => parseConfig(`${text}x: 1\r\n`, source));
  t.regex(error?.message ?? '', /^\/etc\/silt\/device\.yaml:14:1: x: /);
});

test('the error names the first mistake and counts the others', (t) => {
  const error = t.throws(() => parseConfig('product: a/b\n', source));
  t.true(isSiltError(error, 'CONFIG_INVALID'));
  t.regex(
    error?.message ?? '',
    /^\/etc\/silt\/device\.yaml:1:1: device: .*\(and 5 more mistakes: silt device check/,
  );
  t.deepEqual((error as unknown as { details: unknown }).details, {
    path: source.path,
    line: 1,
    column: 1,
    mistakes: 6,
  });
});

test('a configuration is read from its file, with absolute paths', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'etc'));
  const path = join(directory, 'etc', 'device.yaml');
  await writeFile(path, sampleConfig());
  const { config, warnings } = await readConfig(path);
  t.deepEqual([config.trust.root, warnings], [join(directory, 'etc', 'root.json'), []]);
});

test('a file that is not there, too large or a directory is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  const missing = await throwsSilt(t, () => readConfig(join(directory, 'none')), 'CONFIG_INVALID');
  t.regex(missing.message, /found no file$/);
  const large = join(directory, 'large.yaml');
  await writeFile(large, Buffer.alloc(256 * 1024 + 1, '#'));
  const error = await throwsSilt(t, () => readConfig(large), 'CONFIG_INVALID');
  t.regex(error.message, /expected at most 262144 bytes .*found 262145; is it the right file\?$/);
  await throwsSilt(t, () => readConfig(directory), 'IO_FAILED');
});
