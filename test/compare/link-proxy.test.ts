import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Link } from '../../src/compare/link.ts';
import { type LinkClock, type LinkProxyOptions, startLinkProxy } from '../../src/compare/link-proxy.ts';
import { MiB } from '../../src/core/sizes.ts';
import { collectBytes } from '../support/collect.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const link: Link = {
  name: 'test',
  title: 'test',
  bytesPerSecond: 125_000_000,
  roundTripMs: 0,
  loss: 0,
  resetAfterBytes: 0,
};

const body = seededBytes('over the line', 3 * MiB + 11);

/** Time that goes on only as far as somebody waits for it, and at once. */
function eagerClock(): LinkClock & { time: number } {
  const clock = {
    time: 0,
    now: () => clock.time,
    after(ms: number, action: () => void) {
      const due = clock.time + ms;
      const soon = setImmediate(() => {
        clock.time = Math.max(clock.time, due);
        action();
      });
      return () => clearImmediate(soon);
    },
  };
  return clock;
}

/** A server that does `serve` with each connection, behind a line. */
async function behind(
  t: ExecutionContext<unknown>,
  changes: Partial<Link>,
  serve: (socket: Socket) => void,
  options: LinkProxyOptions = {},
) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy = await startLinkProxy({ host: '127.0.0.1', port }, { ...link, ...changes }, options);
  t.teardown(async () => {
    await proxy.close();
    server.close();
  });
  return { proxy, server };
}

/** Says one thing, then nothing more, and hears the answer to its end. */
async function say(port: number, text: string | Uint8Array): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.end(text);
  return await collectBytes(socket);
}

const echo = (socket: Socket): void => void socket.pipe(socket);

test('what goes in comes out, both ways, and each side hears the end of the other', async (t) => {
  for (const loss of [0, 0.05]) {
    const { proxy } = await behind(t, { loss }, echo);
    t.true((await say(proxy.port, body)).equals(body));
    t.is(proxy.wireBytes(), body.byteLength);
  }
});

test('connections are apart and counted together', async (t) => {
  const { proxy } = await behind(t, {}, echo);
  const found = await Promise.all(['one', 'three', 'five!'].map((text) => say(proxy.port, text)));
  t.deepEqual(
    found.map((bytes) => bytes.toString()),
    ['one', 'three', 'five!'],
  );
  t.is(proxy.wireBytes(), 13);
});

test('a download takes as long as the line needs, and the handshake and the question before it', async (t) => {
  const clock = eagerClock();
  const { proxy } = await behind(
    t,
    { bytesPerSecond: 1_000_000, roundTripMs: 80 },
    (socket) => socket.once('data', () => socket.end(body)),
    { clock },
  );
  t.true((await say(proxy.port, '?')).equals(body));
  const least = body.byteLength / 1000 + 2 * 80;
  t.true(clock.time >= least, `${clock.time} of ${least}`);
});

test('questions one after the other take a round trip each', async (t) => {
  const clock = eagerClock();
  const { proxy } = await behind(t, { roundTripMs: 50 }, echo, { clock });
  const socket = connect({ host: '127.0.0.1', port: proxy.port });
  for (let i = 1; i <= 20; i += 1) {
    socket.write('?');
    await once(socket, 'data');
    t.true(clock.time >= 50 + 50 * i, `${clock.time} after ${i}`);
  }
  socket.destroy();
});

test('a connection is reset after bytes by chance, the same for a seed', async (t) => {
  const take = async (seed: number): Promise<number[]> => {
    const changes = { resetAfterBytes: 100_000 };
    const { proxy } = await behind(t, changes, (socket) => socket.end(body), { seed });
    const lengths: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      const before = proxy.wireBytes();
      const socket = connect({ host: '127.0.0.1', port: proxy.port });
      await t.throwsAsync(collectBytes(socket), { code: 'ECONNRESET' });
      lengths.push(proxy.wireBytes() - before);
    }
    return lengths;
  };
  const lengths = await take(1);
  t.true(lengths.every((length) => length > 0 && length < body.byteLength));
  t.is(new Set(lengths).size, 4);
  t.deepEqual(await take(1), lengths);
  t.notDeepEqual(await take(2), lengths);
});

test('a reset ends the connection at the server as well', async (t) => {
  const left = Promise.withResolvers<void>();
  const { proxy } = await behind(t, { resetAfterBytes: 1000 }, (socket) => {
    socket.on('close', () => left.resolve()).resume();
    socket.write(body);
  });
  const socket = connect({ host: '127.0.0.1', port: proxy.port });
  await t.throwsAsync(collectBytes(socket), { code: 'ECONNRESET' });
  await t.notThrowsAsync(left.promise);
});

test('a server faster than the line is held back', async (t) => {
  let written = 0;
  const { proxy } = await behind(t, { bytesPerSecond: 100_000, roundTripMs: 20 }, (socket) => {
    const more = (): void => {
      while (!socket.destroyed) {
        written += 64 * 1024;
        if (!socket.write(new Uint8Array(64 * 1024))) break;
      }
    };
    socket.on('drain', more);
    more();
  });
  const socket = connect({ host: '127.0.0.1', port: proxy.port });
  let found = 0;
  for await (const block of socket) {
    found += block.byteLength;
    if (found > 50_000) break;
  }
  // The kernel keeps some megabytes; a proxy that never paused would have taken far more by now.
  t.true(written < 32 * MiB, String(written));
});

test('a client that does not read stops its own connection alone', async (t) => {
  const clock = eagerClock();
  const { proxy } = await behind(t, {}, (socket) => socket.once('data', () => socket.end(body)), { clock });
  const stuck = connect({ host: '127.0.0.1', port: proxy.port });
  stuck.pause().write('?');
  t.true((await say(proxy.port, '?')).equals(body));
  stuck.resume();
  t.true((await collectBytes(stuck)).equals(body));
});

test('an account is kept of the connection that the server sees', async (t) => {
  const ports: number[] = [];
  const { proxy } = await behind(t, {}, (socket) => {
    ports.push(socket.remotePort ?? 0);
    echo(socket);
  });
  await say(proxy.port, 'four');
  await say(proxy.port, 'eleven');
  t.deepEqual(
    ports.map((port) => proxy.connectionFrom(port)?.passed),
    [4, 6],
  );
  t.is(proxy.connectionFrom(1), undefined);
});

test('a server that is not there resets the connection', async (t) => {
  const { proxy, server } = await behind(t, {}, echo);
  server.close();
  await once(server, 'close');
  await t.throwsAsync(say(proxy.port, '?'), { code: 'ECONNRESET' });
});

test('closing cuts what is under way and accepts nothing more', async (t) => {
  const { proxy } = await behind(t, { bytesPerSecond: 50_000 }, (socket) => void socket.write(body));
  const socket = connect({ host: '127.0.0.1', port: proxy.port }).on('error', () => {});
  await once(socket, 'data');
  const closed = once(socket, 'close');
  await proxy.close();
  await closed;
  await t.throwsAsync(say(proxy.port, '?'), { code: 'ECONNREFUSED' });
});
