/**
 * The progress bar: one line on stderr, with rate and time left, drawn over itself ten times a second at
 * most and erased at the end.
 *
 * @module
 */
import { formatSize } from '../core/sizes.ts';

/** Where a long command is. */
export interface ProgressState {
  /** What is going on, a word. The rate is measured anew for each. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** What is counted. Default: bytes. */
  readonly unit?: 'objects' | 'steps' | undefined;
  /** Follows at the end of the line where there is room, such as `fetched 3 MiB`. */
  readonly note?: string | undefined;
}

export interface ProgressBar {
  show(state: ProgressState): void;
  /** Takes the line away; the next `show` draws it again. */
  erase(): void;
}

/** What the bar needs of a terminal. */
export interface Terminal {
  /** 0 or nothing where it does not tell. */
  readonly columns?: number;
  write(text: string): unknown;
}

const INTERVAL_MS = 100;
/** The rate follows a change by two thirds in this time: calm to look at, and soon right. */
const SMOOTH_MS = 2000;
const BAR_CELLS = 24;

/** A bar on `terminal`. @param now milliseconds, for tests */
export function createProgressBar(
  terminal: Terminal,
  now: () => number = () => performance.now(),
): ProgressBar {
  let drawn = false;
  let label = '';
  let lastTime = Number.NEGATIVE_INFINITY;
  let lastDone = 0;
  let rate: number | undefined;
  const draw = (state: ProgressState): void => {
    terminal.write(`\r\u001b[K${renderProgress(state, rate, terminal.columns || 80)}`);
    drawn = true;
  };
  return {
    show(state) {
      const time = now();
      const elapsed = time - lastTime;
      if (state.label !== label) {
        ({ label } = state);
        rate = undefined;
      } else if (elapsed >= INTERVAL_MS) {
        const current = (Math.max(0, state.done - lastDone) * 1000) / elapsed;
        rate = rate === undefined ? current : rate + (current - rate) * (1 - Math.exp(-elapsed / SMOOTH_MS));
      } else {
        if (!drawn) draw(state);
        return;
      }
      lastTime = time;
      lastDone = state.done;
      draw(state);
    },
    erase() {
      if (drawn) terminal.write('\r\u001b[K');
      drawn = false;
    },
  };
}

/** A bar that shows nothing: stderr is no terminal, or silence was asked for. */
export const noProgressBar: ProgressBar = { show() {}, erase() {} };

/**
 * The line itself, shorter than `columns` so that it never wraps.
 *
 * @param rate a second, `undefined` until it is known
 */
export function renderProgress(state: ProgressState, rate: number | undefined, columns: number): string {
  const { label, done, total, unit, note } = state;
  const amount = (value: number): string =>
    unit === undefined ? formatSize(Math.round(value)) : value.toFixed(0);
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const filled = Math.floor(share * BAR_CELLS);
  const parts = [
    label.padEnd(8),
    `[${'#'.repeat(filled)}${'-'.repeat(BAR_CELLS - filled)}]`,
    `${Math.floor(share * 100)} %`.padStart(5),
    `${amount(done)} of ${amount(total)}${unit === undefined ? '' : ` ${unit}`}`,
  ];
  if (rate !== undefined && rate > 0) {
    parts.push(`${amount(rate)}/s`, `${formatDuration((total - done) / rate)} left`);
  }
  if (note !== undefined) parts.push(note);
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? part : `${line}  ${part}`;
    if (longer.length >= columns) break;
    line = longer;
  }
  return line;
}

/** `0:07`, `12:34`, `1:02:03`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
