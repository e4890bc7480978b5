import { writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MOST_RANGES } from '../../src/server/byte-range.ts';
import { type ServedRequest, type StaticServer, startStaticServer } from '../../src/server/static-server.ts';
import { collectBytes } from '../support/collect.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const object = seededBytes('several ranges', 700_001);

async function serve(t: ExecutionContext<unknown>) {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'object'), object);
  const reports: ServedRequest[] = [];
  const server = await startStaticServer(directory, {
    onRequest: (report) => reports.push(report),
    graceMs: 0,
  });
  t.teardown(server.close);
  return { server, reports };
}

async function ask(server: StaticServer, headers: Record<string, string>, method = 'GET') {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(new URL('object', server.url), { agent: false, headers, method }, resolve).on('error', reject);
  const answer = await promise;
  return { status: answer.statusCode, headers: answer.headers, body: await collectBytes(answer) };
}

interface Part {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Takes a multipart body apart by its delimiters alone, as RFC 2046 §5.1 has them. */
function parts(type: string | undefined, body: Buffer): Part[] {
  const boundary = /^multipart\/byteranges; boundary=([\w-]+)$/.exec(type ?? '')?.[1] ?? 'none';
  const text = body.toString('latin1');
  const [preamble, ...rest] = text.split(`\r\n--${boundary}`);
  if (preamble !== '' || rest.pop() !== '--\r\n') throw new Error('expected delimiters at both ends');
  return rest.map((part) => {
    const at = part.indexOf('\r\n\r\n');
    const lines = part.slice(2, at).split('\r\n');
    const headers = Object.fromEntries(lines.map((line) => line.split(': ') as [string, string]));
    return { headers, body: Buffer.from(part.slice(at + 4), 'latin1') };
  });
}

test('several ranges are served as parts, each with its place', async (t) => {
  const { server, reports } = await serve(t);
  const found = await ask(server, { range: 'bytes=5-9,300000-599999,-1' });
  t.is(found.status, 206);
  t.is(found.headers['content-length'], String(found.body.byteLength));
  t.is(found.headers['content-range'], undefined);
  const taken = parts(found.headers['content-type'], found.body);
  t.deepEqual(
    taken.map(({ headers }) => headers['content-range']),
    ['bytes 5-9/700001', 'bytes 300000-599999/700001', 'bytes 700000-700000/700001'],
  );
  t.true(taken.every(({ headers }) => headers['content-type'] === 'application/octet-stream'));
  t.true(taken[0]?.body.equals(object.subarray(5, 10)));
  t.true(taken[1]?.body.equals(object.subarray(300_000, 600_000)));
  t.true(taken[2]?.body.equals(object.subarray(700_000)));
  await server.close();
  t.is(reports[0]?.bytes, found.body.byteLength);
});

test('several ranges of which one is in the object are a single one', async (t) => {
  const { server } = await serve(t);
  const found = await ask(server, { range: 'bytes=10-19,800000-' });
  t.is(found.status, 206);
  t.is(found.headers['content-range'], 'bytes 10-19/700001');
  t.true(found.body.equals(object.subarray(10, 20)));
});

test('the most ranges of one request are all served', async (t) => {
  const { server } = await serve(t);
  const list = Array.from({ length: MOST_RANGES }, (_, i) => `${i * 2000}-${i * 2000 + 99}`);
  const found = await ask(server, { range: `bytes=${list.join()}` });
  const bodies = parts(found.headers['content-type'], found.body).map(({ body }) => body);
  t.is(bodies.length, MOST_RANGES);
  t.true(bodies.every((body, i) => body.equals(object.subarray(i * 2000, i * 2000 + 100))));
});

test('a head of several ranges has the length and no body', async (t) => {
  const { server } = await serve(t);
  const range = 'bytes=0-9,20-29';
  const [whole, head] = [await ask(server, { range }), await ask(server, { range }, 'HEAD')];
  t.is(head.status, 206);
  t.is(head.body.byteLength, 0);
  t.is(head.headers['content-length'], whole.headers['content-length']);
});

test('sets of ranges obey If-Range and are refused when hostile', async (t) => {
  const { server } = await serve(t);
  const range = 'bytes=0-9,20-29';
  t.is((await ask(server, { range, 'if-range': '"old"' })).status, 200);
  const refused = await ask(server, { range: 'bytes=0-,0-,0-' });
  t.is(refused.status, 416);
  t.is(refused.headers['content-range'], 'bytes */700001');
});
