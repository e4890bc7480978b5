/**
 * Boot loaders: after a cut in any call the state is the one before it or the one after it, the firmware starts
 * what the state says, and the call repeated ends in the one after it.
 *
 * @module
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { KiB } from '../../../src/core/sizes.ts';
import type { BootLoader, BootState } from '../../../src/device/boot/boot-loader.ts';
import { grubBootLoader } from '../../../src/device/boot/grub-boot-loader.ts';
import { encodeGrubEnvironment, withGrubVariables } from '../../../src/device/boot/grub-environment.ts';
import { simulatedBootLoader } from '../../../src/device/boot/simulated-boot-loader.ts';
import { systemdBootLoader } from '../../../src/device/boot/systemd-boot-loader.ts';
import { UbootBootLoader } from '../../../src/device/boot/uboot-boot-loader.ts';
import { encodeEnvironment } from '../../../src/device/boot/uboot-environment.ts';
import { UbootStorage } from '../../../src/device/boot/uboot-storage.ts';
import { grubBoot } from '../grub-boot-model.ts';
import { bootOnce } from '../rauc-boot-script.ts';
import { systemdBoot } from '../systemd-boot-model.ts';
import type { Scenario } from './enumerate.ts';
import { mustHold } from './must-hold.ts';

const slots = ['A', 'B'];

/** One kind of boot loader below a directory; A is good and the first, B is bad. */
export interface BootKind {
  readonly name: string;
  deliver(root: string): Promise<void>;
  open(root: string): BootLoader;
  /** A start by the firmware. */
  boot(root: string): Promise<string | undefined>;
}

const grubenv = (root: string): string => join(root, 'grubenv');
const entries = (root: string): string => join(root, 'loader', 'entries');
const simulated = (root: string) => simulatedBootLoader({ path: join(root, 'boot.json'), slots });

const ENVIRONMENT = 4 * KiB;
/** Each copy in sectors of its own. */
const places = (root: string) =>
  ({
    copies: [
      { path: join(root, 'env'), offset: 0 },
      { path: join(root, 'env'), offset: ENVIRONMENT },
    ],
    size: ENVIRONMENT,
  }) as const;

/** Two copies, written in place: there is no file system in between that could be full. */
export const ubootKind: BootKind = {
  name: 'U-Boot',
  async deliver(root) {
    // Every sector of a copy differs from the one that is written over it.
    const copies = ['new', 'old'].map((filler, index) => {
      const order = index === 0 ? 'A B' : 'B A';
      const variables = new Map([
        ['BOOT_ORDER', order],
        ['BOOT_B_LEFT', '0'],
        ['filler', filler.repeat(1200)],
      ]);
      return encodeEnvironment({ generation: 1 - index, variables }, ENVIRONMENT);
    });
    await writeFile(join(root, 'env'), copies);
  },
  open: (root) => new UbootBootLoader(UbootStorage.open(places(root)), { slots }),
  async boot(root) {
    let started = '';
    UbootStorage.open(places(root)).update((before) => {
      const result = bootOnce(before);
      started = result.started;
      return result.after;
    });
    return started === 'reset' ? undefined : started;
  },
};

/** Those that replace files of a file system. */
export const bootKinds: readonly BootKind[] = [
  {
    name: 'GRUB',
    async deliver(root) {
      const variables = { ORDER: 'A B', A_OK: '1', A_TRY: '0', B_OK: '0', B_TRY: '0' };
      await writeFile(grubenv(root), encodeGrubEnvironment(withGrubVariables({ lines: [] }, variables)));
    },
    open: (root) => grubBootLoader({ path: grubenv(root), slots }),
    boot: (root) => grubBoot(grubenv(root)),
  },
  {
    name: 'systemd-boot',
    async deliver(root) {
      await mkdir(entries(root), { recursive: true });
      await writeFile(join(entries(root), 'silt-2-A.conf'), 'title Slot A\nlinux /linux-a\n');
      await writeFile(join(entries(root), 'silt-1-B+0.conf'), 'title Slot B\nlinux /linux-b\n');
    },
    open: (root) => systemdBootLoader({ root, slots }),
    boot: async (root) => /-([AB])\.conf$/.exec((await systemdBoot(entries(root))) ?? '')?.[1],
  },
  {
    name: 'simulated boot loader',
    deliver: (root) => simulated(root).markGood('A'),
    open: simulated,
    boot: (root) => simulated(root).boot(),
  },
];

type Step = readonly [string, (loader: BootLoader) => Promise<void>];

/** An update to B, then back to A; each with the steps before it. */
const steps: readonly Step[] = [
  ['activates B', (loader) => loader.activate('B', 3)],
  ['marks B good', (loader) => loader.markGood('B')],
  ['marks A bad', (loader) => loader.markBad('A')],
  ['activates A', (loader) => loader.activate('A', 1)],
  ['marks A bad, which had been activated', (loader) => loader.markBad('A')],
];

/** A scenario for each step of each kind. */
export async function bootScenarios(kinds: readonly BootKind[] = bootKinds): Promise<Scenario[]> {
  const scenarios: Scenario[] = [];
  for (const kind of kinds) {
    const states = await statesOf(kind);
    for (const [index, step] of steps.entries()) scenarios.push(scenario(kind, index, step, states));
  }
  return scenarios;
}

/** The state as delivered, and after each step. */
async function statesOf(kind: BootKind): Promise<readonly BootState[]> {
  const root = await mkdtemp(join(tmpdir(), 'silt-test-'));
  try {
    await kind.deliver(root);
    const states = [await kind.open(root).read()];
    for (const [, step] of steps) {
      await step(kind.open(root));
      states.push(await kind.open(root).read());
    }
    return states;
  } finally {
    await rm(root, { recursive: true });
  }
}

function scenario(kind: BootKind, index: number, [what, step]: Step, states: readonly BootState[]): Scenario {
  const [before, after] = [states[index], states[index + 1]];
  return {
    what: `${kind.name}: ${what}`,
    async prepare(root) {
      await kind.deliver(root);
      for (const [, earlier] of steps.slice(0, index)) await earlier(kind.open(root));
    },
    async work(root, promise) {
      await step(kind.open(root));
      promise(1);
    },
    async recover(root, promised) {
      const found = await kind.open(root).read();
      const isAfter = isDeepStrictEqual(found, after);
      const isBefore = isDeepStrictEqual(found, before);
      mustHold(isAfter || (isBefore && promised.length === 0), `found the state ${JSON.stringify(found)}`);
      const copy = await mkdtemp(join(tmpdir(), 'silt-test-'));
      try {
        await cp(root, copy, { recursive: true });
        const started = await kind.boot(copy);
        mustHold(started === found.primary, `the firmware starts ${started}, expected ${found.primary}`);
      } finally {
        await rm(copy, { recursive: true });
      }
      await step(kind.open(root));
      mustHold(isDeepStrictEqual(await kind.open(root).read(), after), 'the call repeated ends elsewhere');
    },
  };
}
