import { getEventListeners } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { type HttpPost, type HttpPostOptions, openHttpPost } from '../../src/store/http-post.ts';
import { serveEvents } from '../support/events-server.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const body = Buffer.from('{"events":[]}');

function open(t: ExecutionContext<unknown>, url: string, options: HttpPostOptions = {}): HttpPost {
  const post = openHttpPost(url, options);
  t.teardown(() => post.close());
  return post;
}

test('a document arrives as it is, with its headers', async (t) => {
  const server = await serveEvents(t, () => 204);
  const post = open(t, `${server.url}?key=s3cret`);
  t.deepEqual(await post.send('events', body, { 'content-type': 'application/json' }), {
    status: 204,
    retryAfterMs: undefined,
  });
  const [got] = server.received;
  t.is(got?.method, 'POST');
  t.is(got?.path, '/events?key=s3cret');
  t.is(got?.body, body.toString());
  t.is(got?.headers['content-type'], 'application/json');
  t.is(got?.headers['content-length'], String(body.length));
  t.is(got?.headers['user-agent'], 'silt');
  t.is(post.location, server.url);
});

test('a redirect is not followed, so that a token stays with its server', async (t) => {
  const other = await serveEvents(t);
  for (const status of [301, 302, 303, 307, 308]) {
    const server = await serveEvents(t, () => ({ status, headers: { location: other.url } }));
    const answer = await open(t, server.url).send('events', body, { authorization: 'Bearer abc' });
    t.is(answer.status, status);
  }
  t.deepEqual(other.received, []);
});

test('Retry-After is believed as seconds and as a date, up to a bound', async (t) => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  const fields = ['7', 'Sun, 22 Nov 2026 12:01:00 GMT', '99999999', '-1', 'soon', ''];
  const server = await serveEvents(t, (_, number) => ({
    status: 503,
    headers: { 'retry-after': fields[number - 1] ?? '' },
  }));
  const post = open(t, server.url, { now: () => now, maxRetryAfterMs: 1_000_000 });
  const found: (number | undefined)[] = [];
  for (const _ of fields) found.push((await post.send('events', body, {})).retryAfterMs);
  t.deepEqual(found, [7000, 60_000, 1_000_000, 0, undefined, undefined]);
});

test('an answer without an end is cut, and its status counts', async (t) => {
  let sent = 0;
  const server = await serveEvents(t, () => (response) => {
    response.writeHead(201);
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
    };
    response.on('drain', more);
    more();
  });
  t.is((await open(t, server.url).send('events', body, {})).status, 201);
  t.true(sent < 64 * 2 ** 20);
});

test('an answer that breaks off after its head counts', async (t) => {
  const server = await serveEvents(t, () => (response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('a', () => response.destroy());
  });
  t.is((await open(t, server.url).send('events', body, {})).status, 200);
});

test('a connection that is reset, and a server that is not there, may be better later', async (t) => {
  const server = await serveEvents(t, () => (_, request) => request.socket.resetAndDestroy());
  const post = open(t, server.url);
  const reset = await throwsSilt(t, () => post.send('events', body, {}), 'NETWORK');
  t.true(reset.transient);
  t.regex(reset.message, /^cannot send events to http:\/\/127\.0\.0\.1:\d+\/events: the connection was/);
  await server.close();
  t.true((await throwsSilt(t, () => post.send('events', body, {}), 'NETWORK')).transient);
});

test('a server that never answers is given up', async (t) => {
  const server = await serveEvents(t, () => () => {});
  const post = open(t, server.url, { timeoutMs: 50 });
  t.regex((await throwsSilt(t, () => post.send('events', body, {}), 'NETWORK')).message, /in time/);
});

test('an answer that comes drop by drop is given up, and its status counts', async (t) => {
  const server = await serveEvents(t, () => (response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), 5);
    response.on('close', () => clearInterval(timer));
  });
  t.is((await open(t, server.url, { timeoutMs: 1000 }).send('events', body, {})).status, 200);
});

test('a signal ends it with its reason, before and while it waits', async (t) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const server = await serveEvents(t, () => () => controller.abort(reason));
  const post = open(t, server.url);
  for (let again = 0; again < 2; again++) {
    t.is(await t.throwsAsync(post.send('events', body, {}, controller.signal)), reason);
  }
  t.is(server.received.length, 1);
});

test('a signal that serves many requests gathers no listeners', async (t) => {
  const server = await serveEvents(t);
  const post = open(t, server.url);
  const { signal } = new AbortController();
  for (let again = 0; again < 20; again++) await post.send('events', body, {}, signal);
  t.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('what is no web address, or no header, is a mistake of the caller', async (t) => {
  for (const url of ['ftp://a.example/', 'events'])
    await throwsSilt(t, async () => openHttpPost(url), 'USAGE');
  const post = open(t, 'http://127.0.0.1:1/');
  await throwsSilt(t, () => post.send('events', body, { authorization: 'a\nb' }), 'USAGE');
});
