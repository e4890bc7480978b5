import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { SiltError } from '../../src/core/errors.ts';
import { headersFor, parseHeaderFile } from '../../src/store/http-header-file.ts';
import { openMirroredStore, openReadStore } from '../../src/store/open.ts';
import { faultyRepository, KEY, pack } from '../support/faulty-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const MAX = { maxBytes: pack.length };

async function headerFile(t: ExecutionContext<unknown>, text: string): Promise<string> {
  const path = join(await temporaryDirectory(t), 'headers');
  await writeFile(path, text);
  return path;
}

test('a header is a line, and lines below an origin are for it alone', (t) => {
  const text =
    '# for both\nX-All: yes\r\n\nhttps://A.example\nAuthorization: Bearer a=b:c \nhttps://b.example:8443/\nX-Key:k\n';
  const sections = parseHeaderFile(text, 'f');
  t.deepEqual(sections, [
    { origin: undefined, headers: { 'x-all': 'yes' } },
    { origin: 'https://a.example', headers: { authorization: 'Bearer a=b:c' } },
    { origin: 'https://b.example:8443', headers: { 'x-key': 'k' } },
  ]);
  const own = (location: string) => headersFor(sections, location, [location, './directory']);
  t.deepEqual(own('https://a.example/r?x=1'), { 'x-all': 'yes', authorization: 'Bearer a=b:c' });
  t.deepEqual(own('https://b.example:8443/r'), { 'x-all': 'yes', 'x-key': 'k' });
  t.deepEqual(own('http://a.example/r'), { 'x-all': 'yes' });
  t.deepEqual(own('./directory'), {});
});

test('where several origins are asked it must be said whose a header is', async (t) => {
  const sections = parseHeaderFile('X-Token: secret', 'f');
  const two = ['https://a.example/r', 'https://b.example/r'];
  const error = await throwsSilt(t, async () => headersFor(sections, two[0] as string, two), 'USAGE');
  t.false(error.message.includes('secret'));
  const same = ['https://a.example/r', 'https://a.example/s', '/media/stick'];
  t.deepEqual(headersFor(sections, same[0] as string, same), { 'x-token': 'secret' });
});

const wrong: Readonly<Record<string, string>> = {
  'no header': 'tops3cret',
  'a name with a blank': 'X Token: tops3cret',
  'a header without a value': 'X-tops3cret:',
  'a control character': 'X-Token: tops3cret\x07',
  'a letter beyond ASCII': 'X-Token: tops3crét tops3cret',
  'a header that HTTP needs': 'Range: tops3cret',
  'a header twice': 'X-Token: tops3cret\nx-token: tops3cret',
  'an origin with a path': 'https://cdn.example/tops3cret',
  'an origin with a password': 'https://user:tops3cret@cdn.example',
  'an origin that is none': 'https://tops3cret:port',
};

for (const [what, text] of Object.entries(wrong)) {
  test(`${what} is refused by its line, and not repeated`, async (t) => {
    const error = await throwsSilt(t, async () => parseHeaderFile(`\n${text}\n`, 'f'), 'FORMAT_INVALID');
    t.regex(error.message, /^line [23] of f: expected/);
    t.false(JSON.stringify([error.message, error.details]).includes('tops3c'));
  });
}

test('whatever is in the file, it is headers that can be sent or it is refused', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        for (const { headers } of parseHeaderFile(text, 'f')) new Headers(headers);
      } catch (error) {
        if (!(error instanceof SiltError)) throw error;
      }
    }),
    { numRuns: 500, seed: 3 },
  );
  t.pass();
});

test('headers of the file come to their server, from the option and from the environment', async (t) => {
  const { proxy } = await faultyRepository(t, undefined);
  const file = await headerFile(t, 'Authorization: Bearer one');
  const other = await headerFile(t, 'Authorization: Bearer two');
  const env = { SILT_HTTP_HEADERS_FILE: other };
  for (const options of [{ env, headerFile: file }, { env }]) {
    const store = await openReadStore(proxy.url, options);
    t.is((await store.get(KEY, MAX))?.bytes.length, pack.length);
    await store.close();
  }
  t.deepEqual(
    proxy.log.map(({ headers }) => headers.authorization),
    ['Bearer one', 'Bearer two'],
  );
});

test('of several servers each gets its own', async (t) => {
  const [a, b] = [await faultyRepository(t, undefined), await faultyRepository(t, undefined)];
  const file = await headerFile(t, `${a.proxy.url}\nX-Token: a\n${b.proxy.url}\nX-Token: b\n`);
  a.proxy.script([{ match: /packs/, fault: { kind: 'status', status: 403 } }]);
  const store = await openMirroredStore([a.proxy.url, b.proxy.url], { headerFile: file });
  t.is((await store.get(KEY, MAX))?.bytes.length, pack.length);
  await store.close();
  t.is(a.proxy.log[0]?.headers['x-token'], 'a');
  t.is(b.proxy.log[0]?.headers['x-token'], 'b');
});

test('a file that is not there, and one that is far too large, are told by what named them', async (t) => {
  const env = { SILT_HTTP_HEADERS_FILE: '/nowhere/headers' };
  const missing = await throwsSilt(t, () => openReadStore('http://127.0.0.1:1/', { env }), 'IO_FAILED');
  t.regex(missing.message, /SILT_HTTP_HEADERS_FILE/);
  const large = await headerFile(t, `X: ${'y'.repeat(70_000)}`);
  await throwsSilt(t, () => openReadStore('http://127.0.0.1:1/', { headerFile: large }), 'FORMAT_INVALID');
});
