import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { MAX_TRIES, UbootBootLoader } from '../../../src/device/boot/uboot-boot-loader.ts';
import { encodeEnvironment } from '../../../src/device/boot/uboot-environment.ts';
import { UbootStorage } from '../../../src/device/boot/uboot-storage.ts';
import { testBootLoader } from '../../support/boot-loader-contract.ts';
import { bootOnce, SCRIPT_SLOTS } from '../../support/rauc-boot-script.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const SIZE = 512;

for (const count of [1, 2] as const) {
  testBootLoader(
    test,
    `U-Boot with ${count === 1 ? 'one copy' : 'two copies'}`,
    async (t) => {
      const path = join(await temporaryDirectory(t), 'env');
      const variables = new Map([
        ['BOOT_ORDER', 'A B'],
        ['BOOT_B_LEFT', '0'],
      ]);
      const copy = encodeEnvironment({ generation: count === 1 ? undefined : 0, variables }, SIZE);
      await writeFile(path, [copy, copy]);
      const first = { path, offset: 0 };
      const copies = count === 1 ? ([first] as const) : ([first, { path, offset: SIZE }] as const);
      const open = (): UbootStorage => UbootStorage.open({ copies, size: SIZE });
      return {
        open: () => new UbootBootLoader(open(), { slots: SCRIPT_SLOTS }),
        async boot() {
          let started = '';
          open().update((before) => {
            const result = bootOnce(before);
            started = result.started;
            return result.after;
          });
          return started === 'reset' ? undefined : started;
        },
      };
    },
    { maxTries: MAX_TRIES, alwaysCounts: true },
  );
}
