import test from 'ava';
import { createProgressBar, formatDuration, renderProgress } from '../../src/cli/progress.ts';
import { MiB } from '../../src/core/sizes.ts';

const half = { label: 'rebuild', done: 50 * MiB, total: 100 * MiB, note: 'fetched 3.00 MiB' };

test('the line has share, amount, rate, time left and note', (t) => {
  t.is(
    renderProgress(half, 10 * MiB, 120),
    'rebuild   [############------------]   50 %  50.0 MiB of 100 MiB  10.0 MiB/s  0:05 left  fetched 3.00 MiB',
  );
});

test('what does not fit is left out, so that the line never wraps', (t) => {
  for (let columns = 1; columns < 120; columns++) {
    t.true(renderProgress(half, 10 * MiB, columns).length < columns);
  }
});

test('objects are counted without a unit of bytes', (t) => {
  const state = { label: 'verify', done: 3, total: 12, unit: 'objects' } as const;
  t.regex(renderProgress(state, 2, 100), / {2}3 of 12 objects {2}2\/s {2}0:05 left$/);
});

test('nothing to do is done', (t) => {
  t.regex(renderProgress({ label: 'seeds', done: 0, total: 0 }, undefined, 100), /100 %/);
});

test('times are short', (t) => {
  t.deepEqual([0, 6.2, 754, 3723].map(formatDuration), ['0:00', '0:07', '12:34', '1:02:03']);
});

test('it draws ten times a second at most and leaves nothing behind', (t) => {
  const written: string[] = [];
  let time = 0;
  const bar = createProgressBar({ columns: 80, write: (text) => written.push(text) }, () => time);
  for (time = 0; time < 1000; time++) bar.show({ label: 'a', done: time, total: 1000 });
  t.is(written.length, 10);
  bar.show({ label: 'b', done: 0, total: 1000 });
  t.is(written.length, 11, 'a new phase is shown at once');
  bar.erase();
  t.is(written.at(-1), '\r\u001b[K');
  bar.erase();
  t.is(written.length, 12);
  bar.show({ label: 'b', done: 0, total: 1000 });
  t.is(written.length, 13, 'after a note in between it comes back at once');
});
