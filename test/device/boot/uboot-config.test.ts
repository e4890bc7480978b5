import test from 'ava';
import { parseFwEnvConfig } from '../../../src/device/boot/uboot-config.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

test('one line is one copy, two are two; sizes are hexadecimal, as fw_printenv reads them', (t) => {
  const text = '# MTD device name\n\n/dev/mmcblk0\t0x400000 4000 200\n/dev/mmcblk0 -16384 0x4000 # the end\n';
  t.deepEqual(JSON.parse(JSON.stringify(parseFwEnvConfig(text, 'fw_env.config'))), {
    copies: [
      { path: '/dev/mmcblk0', offset: 0x400000, size: 0x4000, sectorSize: 0x200 },
      { path: '/dev/mmcblk0', offset: -16384, size: 0x4000 },
    ],
    size: 0x4000,
    sectorSize: 0x200,
  });
  const single = parseFwEnvConfig('/boot/uboot.env 0x0000 0x4000', 'fw_env.config');
  t.is(single.copies.length, 1);
  t.is(single.sectorSize, undefined);
});

test('a mistake is told with its line', async (t) => {
  for (const [text, why] of [
    ['', /fw_env.config: expected one line or two.*found 0/],
    ['/a 0 1000\n/b 0 1000\n/c 0 1000\n', /found 3/],
    ['/a 0 1000\n/b 0 2000\n', /one size, found 4096 and 8192/],
    ['\nmtd0 0 1000\n', /fw_env.config:2: expected the absolute path/],
    ['/a\n', /fw_env.config:1: expected an offset/],
    ['/a 010 1000\n', /expected an offset.*"010"/],
    ['/a 0xzz 1000\n', /expected an offset/],
    ['/a 0\n', /expected a size/],
    ['/a 0 1000 many\n', /expected a size.*"many"/],
    ['/a 0 fffffffffffff\n', /expected a size/],
  ] as const) {
    const error = await throwsSilt(t, async () => parseFwEnvConfig(text, 'fw_env.config'), 'CONFIG_INVALID');
    t.regex(error.message, why);
  }
});
