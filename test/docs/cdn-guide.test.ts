import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const path = fileURLToPath(new URL('../../docs/guides/cdn.md', import.meta.url));
const guide = readFileSync(path, 'utf8');
const config = readFileSync(
  fileURLToPath(new URL('../../packaging/nginx/silt-cdn.conf', import.meta.url)),
  'utf8',
);
const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

test('what the guide quotes of the configuration of nginx is in it', (t) => {
  const quotes = [...guide.matchAll(/```nginx\n([\s\S]*?)```/g)].map(([, text = '']) => text);
  t.true(quotes.length >= 5);
  const lines = new Set(config.split('\n').map(plain));
  const missing = quotes.flatMap((quote) =>
    quote
      .trim()
      .split('\n')
      .filter((line) => !lines.has(plain(line))),
  );
  t.deepEqual(missing, []);
});

test('the guide leads to files that are there', (t) => {
  const links = [...guide.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target = '']) => target);
  t.deepEqual(
    links.filter((link) => !existsSync(join(dirname(path), link))),
    [],
  );
});
