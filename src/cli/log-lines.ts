/**
 * The log of the agent on stderr: a JSON document a line, for a journal or a collector; on a terminal lines to read.
 *
 * @module
 */
import type { Log, LogEntry } from '../device/log.ts';
import { printable } from '../io/run-command.ts';

export interface LogStream {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Longest line on a terminal, in characters. */
const MAX_LINE = 1000;

/** A log that writes to `stream`. @param now what the clock shows */
export function logLines(stream: LogStream, now: () => Date = () => new Date()): Log {
  const format = stream.isTTY === true ? plainLine : jsonLine;
  return (entry) => void stream.write(`${format(entry, now())}\n`);
}

function jsonLine({ level, topic, message, data }: LogEntry, time: Date): string {
  const head = { time: time.toISOString(), level, topic, message };
  // What is said about the line itself stands first, and is not replaced by what it is about.
  return JSON.stringify({ ...head, ...data, ...head });
}

function plainLine({ level, topic, message }: LogEntry, time: Date): string {
  const mark = level === 'info' ? '' : `${level}: `;
  return `${time.toTimeString().slice(0, 8)} ${topic}: ${mark}${printable(message, MAX_LINE)}`;
}
