/**
 * Ports of the loopback interface for servers that cannot tell which one they got for 0: a free one is looked for
 * before, and looked at until the server listens. Another program may be faster, so starting takes several tries.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until `server` takes connections on `port`; false when it ends before. */
export async function isListening(server: ChildProcess, port: number): Promise<boolean> {
  while (server.exitCode === null && server.pid !== undefined) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      await wait(20);
    } finally {
      socket.destroy();
    }
  }
  return false;
}
