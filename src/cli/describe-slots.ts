/**
 * The slots and components of a device in lines for people.
 *
 * @module
 */
import { printable } from '../io/run-command.ts';
import { alignRows } from './align-rows.ts';
import type { ComponentStatus, DeviceStatus, SlotStatus } from './device-status.ts';

/** A release by its version and counter. */
export const release = ({
  version,
  counter,
}: {
  readonly version: string;
  readonly counter: number;
}): string => `${version} (counter ${counter})`;

/** What a slot holds. */
export function holds({ holds: found, running: runs }: SlotStatus): string {
  if (found === undefined) return 'nothing that silt knows of';
  const name = release(found);
  switch (found.as) {
    case 'healthy':
      return name;
    case 'previous':
      return runs === true ? `${name}, the one before the installed one` : `${name}, the previous one`;
    case 'new':
      return `${name}, not found healthy yet`;
    case 'coming':
      return `being changed for ${name}`;
  }
}

/** The slots as the boot loader has them; none where it starts nothing. */
export function slotLines(status: DeviceStatus): string[] {
  const { slots, bootLoader, problems } = status;
  if (slots.length === 0) return [];
  const broken = problems.some(({ part }) => part === 'bootLoader');
  const head = broken
    ? `slots (the order of ${bootLoader} ${trouble(status, 'bootLoader')})`
    : `slots, in the order of ${bootLoader}`;
  const rows = slots.map((slot) => [
    `  ${slot.name}`,
    [slot.running === true ? 'runs' : '', ...startText(slot)].filter((text) => text !== '').join(', '),
    slot.holds === undefined ? 'contents not known' : holds(slot),
    slot.devices.join(' '),
  ]);
  return [printable(head, 1000), ...alignRows(rows)];
}

function startText({ next, bootable, triesLeft }: SlotStatus): string[] {
  if (bootable === undefined) return [];
  if (!bootable) return ['is not started'];
  const tries = triesLeft === undefined ? [] : [`${countOf(triesLeft, 'start')} left`];
  return [next === true ? 'starts next' : 'can be started', ...tries];
}

/** The components in declared order. */
export function componentLines(status: DeviceStatus): string[] {
  const rows = status.components.map((one) => [
    `  ${one.name}`,
    one.type,
    printable(componentText(one, status), 1000),
  ]);
  return ['components', ...alignRows(rows)];
}

function componentText({ name, found, installed, damaged }: ComponentStatus, status: DeviceStatus): string {
  const problem = status.problems.some(({ part }) => part === `component ${name}`);
  const texts = [
    ...(problem ? [trouble(status, `component ${name}`)] : []),
    ...(found === undefined ? [] : [found.present ? (found.version ?? 'there') : 'nothing installed']),
    ...(installed === undefined || installed === found?.version ? [] : [`installed: ${installed}`]),
    ...(damaged ? ['could not be rolled back'] : []),
  ];
  return texts.length === 0 ? 'version not known' : texts.join('; ');
}

/** Why a part of the status is missing. */
export const trouble = ({ problems }: DeviceStatus, part: string): string => troubleOf(problems, part);

export function troubleOf(problems: DeviceStatus['problems'], part: string): string {
  const problem = problems.find((one) => one.part === part);
  return problem === undefined ? 'is not known' : `cannot be read: ${problem.code}: ${problem.message}`;
}

export function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
