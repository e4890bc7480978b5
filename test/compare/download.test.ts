import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { downloadFile } from '../../src/compare/download.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const object = seededBytes('download', 300_000);
const etag = '"one"';

type Handler = (request: IncomingMessage, response: ServerResponse, number: number) => void;

/** A server that does `handler`, and a file to download to. */
async function serve(t: ExecutionContext<unknown>, handler: Handler) {
  const requests: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    requests.push(request.headers);
    handler(request, response, requests.length);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const to = join(await temporaryDirectory(t), 'got');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/object`, to, requests };
}

/** Sends `bytes` of the answer, then cuts the connection. */
function breakOff(response: ServerResponse, bytes: Uint8Array): void {
  response.write(bytes, () => response.socket?.resetAndDestroy());
}

/** What a server does that knows of ranges, but breaks off after `most` bytes. */
const breaking =
  (most: number, tag: string | null = etag): Handler =>
  (request, response) => {
    const at = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers = { 'content-length': object.byteLength - at, ...(tag === null ? {} : { etag: tag }) };
    if (at === 0) response.writeHead(200, headers);
    else {
      const range = `bytes ${at}-${object.byteLength - 1}/${object.byteLength}`;
      response.writeHead(206, { ...headers, 'content-range': range });
    }
    const rest = object.subarray(at);
    if (rest.byteLength <= most) response.end(rest);
    else breakOff(response, rest.subarray(0, most));
  };

const nothingIn = async (t: ExecutionContext<unknown>, to: string): Promise<void> =>
  void t.deepEqual(await readdir(dirname(to)), []);

test('a file is downloaded whole', async (t) => {
  const { url, to, requests } = await serve(t, breaking(Number.POSITIVE_INFINITY));
  await downloadFile(url, to);
  t.true((await readFile(to)).equals(object));
  t.deepEqual(await readdir(dirname(to)), ['got']);
  t.is(requests.length, 1);
});

test('it goes on where the connection broke, as often as need be', async (t) => {
  const { url, to, requests } = await serve(t, breaking(10_000));
  await downloadFile(url, to);
  t.true((await readFile(to)).equals(object));
  t.true(requests.length >= 30);
  t.true(requests.slice(1).every((headers) => headers['if-range'] === etag));
  const starts = requests.slice(1).map(({ range }) => Number(range?.slice(6, -1)));
  t.true(starts.every((start, i) => start > (starts[i - 1] ?? 0)));
});

test('it begins again when the object has changed meanwhile', async (t) => {
  const changed = seededBytes('changed', 1000);
  const { url, to } = await serve(t, (request, response, number) => {
    if (number === 1) breaking(100_000)(request, response, number);
    else response.writeHead(200, { etag: '"two"' }).end(changed);
  });
  await downloadFile(url, to);
  t.true((await readFile(to)).equals(changed));
});

test('without a strong validator it begins again', async (t) => {
  for (const tag of [null, 'W/"weak"']) {
    const { url, to, requests } = await serve(t, (request, response, number) =>
      breaking(number < 3 ? 100_000 : object.byteLength, tag)(request, response, number),
    );
    await downloadFile(url, to);
    t.true((await readFile(to)).equals(object));
    t.true(requests.every(({ range }) => range === undefined));
  }
});

test('it gives up after five attempts that bring nothing, and leaves nothing', async (t) => {
  const { url, to, requests } = await serve(t, (request, response, number) => {
    if (number === 1) breaking(100_000)(request, response, number);
    else response.socket?.resetAndDestroy();
  });
  const error = await throwsSilt(t, () => downloadFile(url, to), 'NETWORK');
  t.is(requests.length, 6);
  t.is(error.details.attempts, 6);
  await nothingIn(t, to);
});

test('a server that is busy for a moment is asked again, one that refuses is not', async (t) => {
  const busy = await serve(t, (request, response, number) => {
    if (number < 4) response.writeHead(503).end('later');
    else breaking(object.byteLength)(request, response, number);
  });
  await downloadFile(busy.url, busy.to);
  t.true((await readFile(busy.to)).equals(object));
  for (const [status, code] of [
    [404, 'OBJECT_MISSING'],
    [403, 'STORE_REFUSED'],
  ] as const) {
    const { url, to, requests } = await serve(t, (_, response) => void response.writeHead(status).end());
    await throwsSilt(t, () => downloadFile(url, to), code);
    t.is(requests.length, 1);
    await nothingIn(t, to);
  }
});

test('a range that does not begin where the file ends is refused', async (t) => {
  const { url, to } = await serve(t, (request, response, number) => {
    if (number === 1) breaking(100_000)(request, response, number);
    else response.writeHead(206, { 'content-range': 'bytes 5-9/300000' }).end('12345');
  });
  await throwsSilt(t, () => downloadFile(url, to), 'RANGE_INVALID');
  await nothingIn(t, to);
});

test('a server that falls silent counts as a broken connection', async (t) => {
  const { url, to, requests } = await serve(t, (request, response, number) => {
    if (number > 1) return breaking(object.byteLength)(request, response, number);
    response.writeHead(200, { etag, 'content-length': object.byteLength });
    response.write(object.subarray(0, 1000));
  });
  await downloadFile(url, to, { timeoutMs: 100 });
  t.true((await readFile(to)).equals(object));
  t.true(requests.length >= 2);
});

test('an abort ends it with its reason and leaves nothing', async (t) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const { url, to } = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': object.byteLength });
    response.write(object.subarray(0, 1000), () => controller.abort(reason));
  });
  t.is(await t.throwsAsync(downloadFile(url, to, { signal: controller.signal })), reason);
  await nothingIn(t, to);
});

test('a place that cannot be written to is said so', async (t) => {
  const { url, to } = await serve(t, breaking(object.byteLength));
  await throwsSilt(t, () => downloadFile(url, join(to, 'missing', 'got')), 'IO_FAILED');
});
