/**
 * The status of a device in lines for people: what is known, what is not, and what is to come.
 *
 * @module
 */

import type { DeviceState, Failure } from '../device/update/device-state.ts';
import { printable } from '../io/run-command.ts';
import { alignRows } from './align-rows.ts';
import { componentLines, countOf, holds, release, slotLines, trouble, troubleOf } from './describe-slots.ts';
import type { DeviceStatus } from './device-status.ts';

type Row = readonly [label: string, text: string];

/** A time in milliseconds as people and logs compare it: UTC, to the second. */
export function formatTime(time: number): string {
  // The journal takes times that a Date cannot hold.
  const date = new Date(Math.min(time, 8.64e15));
  return date.toISOString().replace('T', ' ').replace(/\..*$/, ' UTC');
}

/** Lines about a device. */
export function describeDevice(status: DeviceStatus): string[] {
  const { journal } = status;
  const rows: Row[] = [
    ['running', running(status)],
    ...(journal === undefined
      ? [['journal', trouble(status, 'journal')] as const]
      : [...present(journal), ...past(journal)]),
    ['floor', floor(status)],
    ...events(status),
  ];
  return [
    title(status),
    ...alignRows(rows.map(([label, text]) => [`  ${label}`, printable(text, 1000)])),
    ...slotLines(status),
    ...componentLines(status),
  ];
}

function title(status: DeviceStatus): string {
  const { device, product, channel } = status;
  const { id, hardware, variant } = device;
  const kind = [
    ...(hardware === undefined ? [] : [`hardware ${hardware}`]),
    ...(variant === undefined ? [] : [`variant ${variant}`]),
  ];
  const name = id ?? `a device whose id ${trouble(status, 'id')}`;
  return `${product} on ${name}${kind.length === 0 ? '' : ` (${kind.join(', ')})`}, channel ${channel}`;
}

function running(status: DeviceStatus): string {
  const { journal, running: name, slots } = status;
  if (slots.length === 0) {
    const { installed } = journal ?? {};
    return installed === undefined ? unknownRelease(journal) : release(installed);
  }
  const problem = status.problems.find(({ part }) => part === 'running');
  if (problem !== undefined) return `which slot runs ${trouble(status, 'running')}`;
  if (name === undefined) return 'which slot runs is not known: neither boot loader nor kernel tell it';
  const slot = slots.find((one) => one.name === name);
  return `slot ${name}: ${slot?.holds === undefined ? unknownRelease(journal) : holds(slot)}`;
}

function unknownRelease(journal: DeviceState | undefined): string {
  return journal === undefined ? 'its release is not known' : 'nothing that silt has installed';
}

/** What is installed and under way. */
function present({ installed, update, retry, blocked, damaged }: DeviceState): Row[] {
  return [
    ...(installed === undefined
      ? []
      : [['installed', `${release(installed)}, healthy at ${formatTime(installed.at)}`] as const]),
    ['update', update === undefined ? 'none under way' : underWay(update)],
    ...(retry === undefined
      ? []
      : [
          [
            'next try',
            `not before ${formatTime(retry.notBefore)}, after ${countOf(retry.failures, 'failure')}: ${retry.code}: ${retry.message}`,
          ] as const,
        ]),
    ...blocked.map(
      (one) =>
        [
          'blocked',
          `${release(one)} since ${formatTime(one.at)}: ${one.code}; silt install --again tries it`,
        ] as const,
    ),
    ...(damaged === undefined || damaged.length === 0
      ? []
      : [['damaged', `${damaged.join(', ')}: could not be rolled back`] as const]),
  ];
}

function underWay(update: NonNullable<DeviceState['update']>): string {
  const { kind, phase, startedAt, boot, failure } = update;
  const what = kind === 'return' ? `back to ${release(update.release)}` : release(update.release);
  const where = boot === undefined ? '' : `, to slot ${boot.target}`;
  const why = failure === undefined ? '' : `; ${failureText(failure)}`;
  return `${what} in the phase ${phase}${where}; begun at ${formatTime(startedAt)}${why}`;
}

const OUTCOMES = { installed: 'installed', failed: 'failed', rolledBack: 'rolled back' } as const;

function past({ lastUpdate, lastCheck }: DeviceState): Row[] {
  const told = (failure: Failure | undefined): string =>
    failure === undefined ? '' : `; ${failureText(failure)}`;
  return [
    ...(lastUpdate === undefined
      ? []
      : [
          [
            'last update',
            `${release(lastUpdate)} ${OUTCOMES[lastUpdate.outcome]} at ${formatTime(lastUpdate.at)}${told(lastUpdate.failure)}`,
          ] as const,
        ]),
    [
      'last check',
      lastCheck === undefined
        ? 'never'
        : `${formatTime(lastCheck.at)}: ${release(lastCheck)} in ${lastCheck.repository}`,
    ],
  ];
}

function failureText({ code, message, phase, component }: Failure): string {
  const whose = component === undefined ? '' : ` of ${component}`;
  return `${code} in ${phase}${whose}: ${message}`;
}

function floor(status: DeviceStatus): string {
  if (status.floor === undefined) return trouble(status, 'floor');
  return status.floor === 0
    ? 'none: every release is accepted'
    : `counter ${status.floor} and up is accepted`;
}

function events({ events, problems }: DeviceStatus): Row[] {
  if (events === undefined) {
    const isBroken = problems.some(({ part }) => part === 'events');
    return isBroken ? [['events', troubleOf(problems, 'events')]] : [];
  }
  const { dropped, damaged, refused, problem } = events;
  const lost = [
    ...(dropped > 0 ? [`${dropped} dropped for want of room`] : []),
    ...(damaged > 0 ? [`${damaged} damaged`] : []),
    ...(refused > 0 ? [`${refused} refused by the server`] : []),
    ...(problem === undefined ? [] : [`delivery fails: ${problem.code}: ${problem.message}`]),
  ];
  return [['events', [`${events.events} waiting`, ...lost].join('; ')]];
}
