/** Programs that fail in every way, at each step of each installer that calls one. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CommandInstaller } from '../../../src/device/installers/command-installer.ts';
import { debInstaller } from '../../../src/device/installers/deb-installer.ts';
import type { Installer } from '../../../src/device/installers/installer.ts';
import { ociInstaller } from '../../../src/device/installers/oci-installer.ts';
import { committed, fetched } from '../../support/install-image.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

type Step = 'status' | 'prepare' | 'install' | 'commit' | 'rollback' | 'finish';

const [ONE, TWO] = [Buffer.from('image one'), Buffer.from('image two')];

/** Reads a fault from a file, if there is one, and else puts the image at $2 in use, or takes it away. */
const SCRIPT = `cd "$(dirname "$0")"
[ ! -e fault ] || . ./fault
case $1 in
use) cp "$2" in-use ;;
remove) rm -f in-use ;;
esac
`;

/** A program of a microcontroller, which keeps the image before for the roll-back. */
const PROTOCOL = `cd "$(dirname "$0")"
[ ! -e fault ] || . ./fault
case $1 in
status) echo '{"present": true}' ;;
prepare) echo "{\\"output\\": \\"$PWD/next\\"}" ;;
commit) [ -e before ] || cp in-use before; cp next in-use ;;
rollback) [ ! -e before ] || mv before in-use ;;
finish) rm -f before ;;
esac
`;

interface Limits {
  readonly limitMs?: number;
  readonly graceMs?: number;
}

const kinds: Readonly<
  Record<
    string,
    {
      readonly steps: readonly Step[];
      readonly script: string;
      open(directory: string, limits: Limits): Installer;
    }
  >
> = {
  container: {
    steps: ['install', 'commit', 'rollback'],
    script: SCRIPT,
    open: (directory, limits) =>
      ociInstaller({
        directory: join(directory, 'kept'),
        load: ['sh', join(directory, 'program'), 'load', '{path}'],
        activate: ['sh', join(directory, 'program'), 'use', '{path}'],
        remove: ['sh', join(directory, 'program'), 'remove'],
        ...limits,
      }),
  },
  package: {
    steps: ['install', 'commit', 'rollback'],
    script: SCRIPT,
    open: (directory, limits) =>
      debInstaller({
        directory: join(directory, 'kept'),
        check: ['sh', join(directory, 'program'), 'check', '{path}'],
        install: ['sh', join(directory, 'program'), 'use', '{path}'],
        remove: ['sh', join(directory, 'program'), 'remove'],
        ...limits,
      }),
  },
  program: {
    steps: ['status', 'prepare', 'install', 'commit', 'rollback', 'finish'],
    script: PROTOCOL,
    open: (directory, { limitMs, graceMs }) =>
      new CommandInstaller({
        component: 'mcu',
        command: ['sh', join(directory, 'program')],
        graceMs,
        ...(limitMs !== undefined && {
          limits: Object.fromEntries(kinds.program!.steps.map((step) => [step, limitMs])),
        }),
      }),
  },
};

const faults: Readonly<
  Record<string, { readonly script: string; readonly says: RegExp; readonly limits?: Limits }>
> = {
  'an exit status': { script: 'echo "no voltage" >&2; exit 7', says: /ended with status 7: no voltage$/ },
  'a hang': {
    script: 'while :; do sleep 1000; done',
    says: /took longer than 0.3 s and was ended$/,
    limits: { limitMs: 300 },
  },
  'a hang that ignores SIGTERM': {
    script: 'trap "" TERM; while :; do sleep 1000; done',
    says: /took longer than 0.3 s and was ended$/,
    limits: { limitMs: 300, graceMs: 50 },
  },
  'a crash': { script: 'kill -SEGV $$', says: /was killed by SIGSEGV$/ },
};

async function delivered(t: ExecutionContext, script: string): Promise<string> {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'kept'));
  await writeFile(join(directory, 'program'), script);
  await writeFile(join(directory, 'in-use'), 'nothing yet');
  return directory;
}

for (const [name, { steps, script, open }] of Object.entries(kinds)) {
  for (const step of steps) {
    for (const [what, fault] of Object.entries(faults)) {
      test(`${name}: ${what} in ${step} is told, changes nothing, and is over when it is over`, async (t) => {
        const directory = await delivered(t, script);
        const inUse = (): Promise<string> => readFile(join(directory, 'in-use'), 'utf8');
        const patient = open(directory, {});
        await committed(patient, '1', ONE);
        await patient.finish();
        const image = await fetched(patient, '2', TWO);
        const run = async (installer: Installer): Promise<unknown> => {
          if (step === 'prepare') return await installer.prepare('2');
          if (step === 'install' || step === 'commit') return await installer[step](image);
          return await installer[step]();
        };
        if (step !== 'install') await patient.install(image);
        if (step === 'rollback' || step === 'finish') await patient.commit(image);
        const before = await inUse();
        await writeFile(join(directory, 'fault'), fault.script);

        const error = await throwsSilt(t, () => run(open(directory, fault.limits ?? {})), 'INSTALL_FAILED');

        t.regex(error.message, fault.says);
        t.is(await inUse(), before);
        await rm(join(directory, 'fault'));
        await run(patient);
        if (step !== 'finish' && step !== 'rollback') await patient.commit(image);
        t.is(await inUse(), (step === 'rollback' ? ONE : TWO).toString());
      });
    }
  }
}
