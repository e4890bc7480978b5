import test from 'ava';
import { type LogStream, logLines } from '../../src/cli/log-lines.ts';
import type { LogEntry } from '../../src/device/log.ts';

const now = (): Date => new Date(2026, 2, 4, 5, 6, 7);

/** What `entry` is written as. */
function written(entry: LogEntry, isTTY?: boolean): string {
  const texts: string[] = [];
  const stream: LogStream = { isTTY, write: (text) => texts.push(text) };
  logLines(stream, now)(entry);
  return texts.join('');
}

test('an entry is one line of JSON, its own members first', (t) => {
  const line = written({
    level: 'warning',
    topic: 'report',
    message: 'two\nlines',
    data: { waiting: 3, notBefore: undefined, level: 'hidden', time: 'hidden' },
  });
  t.is(
    line,
    `{"time":"${now().toISOString()}","level":"warning","topic":"report","message":"two\\nlines","waiting":3}\n`,
  );
});

test('on a terminal an entry is a line to read, without anything that moves its cursor', (t) => {
  t.is(
    written({ level: 'info', topic: 'fetch', message: '1.0: fetch' }, true),
    '05:06:07 fetch: 1.0: fetch\n',
  );
  t.is(
    written({ level: 'error', topic: 'hook', message: 'a\u001b[2Jb\nc' }, true),
    '05:06:07 hook: error: a [2Jb c\n',
  );
  t.true(written({ level: 'info', topic: 'hook', message: 'x'.repeat(100_000) }, true).length < 1100);
});
