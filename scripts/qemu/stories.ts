/**
 * Three stories of a device with two slots: an update that works, two that do not, and one whose power is cut.
 *
 * @module
 */
import type { Lab } from './lab.ts';

const DONE = /^qemu: update ended with 0$/;
const FAILED = /^qemu: update ended with [1-9]/;
const WAITS = /tries again after a failure/;
const BLOCKED = /was given up on this device/;

/** Boots version 1, updates over HTTP, restarts into version 2 and stays there. */
export async function itUpdates(lab: Lab): Promise<void> {
  await lab.publish(2, 'healthy');
  const before = [/^qemu: status begins$/, /running +slot A/, /update +none under way/];
  const during = [
    /^qemu: status before the restart begins$/,
    /update +2\.0\.0 .*in the phase reboot, to slot B/,
  ];
  await lab.start(1, 'updates from 1 to 2', {
    ...{ steps: 'status update', slot: 'A', version: 1, how: 'restart' },
    says: [...before, ...during, DONE],
  });
  await lab.requireGrub('ORDER=B A', 'B_OK=1', 'B_TRY=0');
  await lab.requireSlot('A', 1);
  await lab.requireSlot('B', 2);

  await lab.start(1, 'is healthy, and is kept', {
    ...{ steps: 'update status', slot: 'B', version: 2, how: 'off' },
    says: [DONE, /running +slot B: 2\.0\.0/, /update +none under way/, /floor +counter 2 /],
  });
  await lab.requireGrub('ORDER=B A', 'B_OK=1', 'B_TRY=0');
  await lab.requireFloor(2);

  await lab.start(1, 'starts again', {
    ...{ steps: 'update', slot: 'B', version: 2, how: 'off' },
    says: [DONE],
  });
  await lab.requireGrub('ORDER=B A', 'B_OK=1', 'B_TRY=0');
}

/** Version 3 comes up and is not healthy, version 4 never comes up: each time the device is back in version 2. */
export async function itFallsBack(lab: Lab): Promise<void> {
  await lab.publish(3, 'unhealthy');
  await lab.start(2, 'updates from 2 to 3', {
    ...{ steps: 'update', slot: 'B', version: 2, how: 'restart' },
    says: [DONE],
  });
  await lab.requireSlot('A', 3);
  await lab.start(2, 'is not healthy, and goes back', {
    ...{ steps: 'update', slot: 'A', version: 3, how: 'restart' },
    says: [/health/],
  });
  await lab.requireGrub('A_OK=0', 'B_OK=1', 'B_TRY=0');
  await lab.start(2, 'tells it, and does not try 3 again', {
    ...{ steps: 'update update status', slot: 'B', version: 2, how: 'off' },
    says: [
      FAILED,
      BLOCKED,
      /running +slot B: 2\.0\.0/,
      /blocked +3\.0\.0/,
      /rolled back/,
      /floor +counter 2 /,
    ],
  });
  await lab.requireFloor(2);

  await lab.publish(4, 'panics');
  await lab.start(2, 'updates from 2 to 4', {
    ...{ steps: 'update', slot: 'B', version: 2, how: 'restart' },
    says: [DONE],
  });
  await lab.requireSlot('A', 4);
  await lab.start(2, 'never comes up', { steps: 'update', slot: 'A', version: 4, how: 'panic' });
  // GRUB counts to one, and cannot tell a power cut from a system that hangs: so it is tried once more.
  await lab.start(2, 'falls back, and waits', {
    ...{ steps: 'update update status', slot: 'B', version: 2, how: 'off' },
    says: [FAILED, WAITS, /running +slot B: 2\.0\.0/, /floor +counter 2 /],
  });
  await lab.start(2, 'tries 4 once more', {
    ...{ steps: 'install', slot: 'B', version: 2, how: 'restart' },
    says: [/^qemu: install ended with 0$/],
  });
  await lab.start(2, 'never comes up again', { steps: 'update', slot: 'A', version: 4, how: 'panic' });
  await lab.start(2, 'falls back, and gives 4 up', {
    ...{ steps: 'update update status', slot: 'B', version: 2, how: 'off' },
    says: [FAILED, BLOCKED, /running +slot B: 2\.0\.0/, /blocked +4\.0\.0/, /floor +counter 2 /],
  });
  await lab.requireGrub('A_OK=0');
  await lab.requireSlot('B', 2);
  await lab.requireFloor(2);
}

/** The power fails three times on the way to version 5: while fetching, before the restart, in the first start. */
export async function itSurvivesPowerCuts(lab: Lab): Promise<void> {
  await lab.publish(5, 'healthy');
  await lab.start(3, 'power cut while 5 is fetched', {
    ...{ steps: 'update', slot: 'B', version: 2, how: 'cut', cutAt: 'fetch' },
  });
  await lab.requireGrub('A_OK=0');
  await lab.requireSlot('B', 2);
  await lab.start(3, 'goes on; power cut before the restart', {
    ...{ steps: 'hold update', slot: 'B', version: 2, how: 'cut' },
    cutAt: /^qemu: holding before the restart$/,
    says: [/update +5\.0\.0 .*in the phase reboot, to slot A/],
  });
  // What the boot loader was told has reached the disk.
  await lab.requireGrub('ORDER=A B', 'A_OK=1', 'A_TRY=0');
  await lab.requireSlot('A', 5);
  await lab.requireSlot('B', 2);
  await lab.start(3, 'power cut in its first start', {
    ...{ steps: 'wait update', slot: 'A', version: 5, how: 'cut', cutAt: /^qemu: waiting$/ },
  });
  await lab.start(3, 'falls back to 2', {
    ...{ steps: 'update status', slot: 'B', version: 2, how: 'off' },
    says: [FAILED, /running +slot B: 2\.0\.0/],
  });
  await lab.requireFloor(2);
  await lab.start(3, 'tries 5 once more', {
    ...{ steps: 'install', slot: 'B', version: 2, how: 'restart' },
    says: [/^qemu: install ended with 0$/],
  });
  await lab.start(3, 'is healthy, and is kept', {
    ...{ steps: 'update status', slot: 'A', version: 5, how: 'off' },
    says: [DONE, /running +slot A: 5\.0\.0/, /floor +counter 5 /],
  });
  await lab.requireGrub('ORDER=A B', 'A_OK=1', 'A_TRY=0', 'B_OK=1');
  await lab.requireSlot('A', 5);
  await lab.requireSlot('B', 2);
  await lab.requireFloor(5);
}
