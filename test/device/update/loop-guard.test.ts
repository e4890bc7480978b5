/** A device that crashes in the same place each time: it goes back after a bounded number of runs. */
import test from 'ava';
import type { Installer } from '../../../src/device/installers/installer.ts';
import type { Desk, DeskOptions } from '../../support/desk-device.ts';
import { inUse, outcomeOf, updatingDesk } from '../../support/updating-desk.ts';

/** More runs than any loop may take. */
const BOUND = 40;

interface Crash {
  /** Never comes back: the crash. */
  crash(): Promise<never>;
  /** Resolves at the next crash. */
  next(): Promise<'crashed'>;
}

function crashes(): Crash {
  let heard = Promise.withResolvers<'crashed'>();
  return {
    crash() {
      heard.resolve('crashed');
      return new Promise<never>(() => {});
    },
    next() {
      heard = Promise.withResolvers<'crashed'>();
      return heard.promise;
    },
  };
}

/** An installer that crashes in one of its steps. */
function crashing(installer: Installer, step: 'install' | 'commit', { crash }: Crash): Installer {
  return {
    status: (options) => installer.status(options),
    prepare: (version, options) => installer.prepare(version, options),
    install: (image, options) => (step === 'install' ? crash() : installer.install(image, options)),
    commit: (image, options) => (step === 'commit' ? crash() : installer.commit(image, options)),
    rollback: (options) => installer.rollback(options),
    finish: (options) => installer.finish(options),
  };
}

const places: readonly (readonly [
  place: string,
  outcome: string,
  make: (crash: Crash) => Partial<DeskOptions>,
])[] = [
  ['the preInstall hook', 'failed INSTALL_FAILED', ({ crash }) => ({ hooks: { preInstall: crash } })],
  ['the postInstall hook', 'failed INSTALL_FAILED', ({ crash }) => ({ hooks: { postInstall: crash } })],
  ['the health hook', 'rolledBack INSTALL_FAILED', ({ crash }) => ({ hooks: { health: crash } })],
  [
    'installing',
    'failed INSTALL_FAILED',
    (crash) => ({
      wrap: (installer, name) => (name === 'app' ? crashing(installer, 'install', crash) : installer),
    }),
  ],
  [
    'putting in use',
    'rolledBack INSTALL_FAILED',
    (crash) => ({
      wrap: (installer, name) => (name === 'app' ? crashing(installer, 'commit', crash) : installer),
    }),
  ],
];

/** Runs, each a new silt after a crash, until one comes to an end by itself. */
async function runUntilEnd(
  desk: { again(): Desk },
  crash: Crash,
): Promise<{ runs: number; outcome: string }> {
  for (let runs = 1; runs <= BOUND; runs++) {
    const end = await Promise.race([desk.again().settle({ now: true }), crash.next()]);
    if (end !== 'crashed') return { runs, outcome: outcomeOf(end) };
  }
  throw new Error(`no end after ${BOUND} runs`);
}

for (const [place, outcome, make] of places) {
  test(`a device that crashes in ${place} each time goes back in the end`, async (t) => {
    const crash = crashes();
    const desk = await updatingDesk(t, make(crash));

    const end = await runUntilEnd(desk, crash);

    t.is(end.outcome, outcome);
    t.true(end.runs > 5, `only ${end.runs} runs`);
    t.is(await inUse(desk), '1.0 1.0 none');
    t.is(await desk.loader.booted(), 'A');
  });
}

test('a new system that crashes while it is asked whether it works is left by the boot loader before that', async (t) => {
  const crash = crashes();
  const desk = await updatingDesk(t, { hooks: { health: crash.crash } });

  for (let starts = 1; starts <= desk.device.bootTries; starts++) {
    t.is(await Promise.race([desk.again().settle(), crash.next()]), 'crashed');
    t.is(await desk.loader.booted(), 'B');
    await desk.loader.boot();
  }
  const end = await desk.again().settle();

  t.is(outcomeOf(end), 'rolledBack BOOT_FAILED');
  t.is(await inUse(desk), '1.0 1.0 none');
  t.is((await desk.state()).blocked.length, 1);
});
