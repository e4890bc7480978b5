/**
 * A published directory as a device sees it: the static server at the far end of a line, and the account of what
 * the line has carried.
 *
 * Of an answer that broke off, or that the client did not wait for, those bytes count that went over the line.
 *
 * @module
 */
import { type ServedRequest, startStaticServer } from '../server/static-server.ts';
import type { Link } from './link.ts';
import { type LinkConnection, startLinkProxy } from './link-proxy.ts';
import type { Kind } from './peer.ts';

export interface SiteCount {
  /** Requests answered, whatever the status. */
  readonly requests: number;
  /** Bodies of answers by kind of object. */
  readonly bytes: Readonly<Record<Kind, number>>;
  /** All that went to the device: heads of answers as well. */
  readonly wireBytes: number;
}

export interface Site extends AsyncDisposable {
  /** Where the directory is served, with a slash at the end. */
  readonly url: string;
  count(): SiteCount;
  close(): Promise<void>;
}

/**
 * The kernel takes megabytes from the server at once, which may be under way on the line for a minute: time in
 * which the server thinks that the connection is idle.
 */
const KEEP_ALIVE_MS = 75_000;

interface Answer {
  readonly kind: Kind;
  readonly bytes: number;
  /** Where it began among all bytes of its connection. */
  readonly from: number;
  readonly connection: LinkConnection | undefined;
}

/** Serves `directory` over `link` until closed. @throws SiltError IO_FAILED when there is no such directory */
export async function startSite(
  directory: string,
  link: Link,
  kindOf: (path: string) => Kind,
  options: { readonly seed?: number } = {},
): Promise<Site> {
  const answers: Answer[] = [];
  const onRequest = ({ path, bytes, port, bytesBefore: from }: ServedRequest): void => {
    answers.push({
      kind: kindOf(nameOf(path)),
      bytes,
      from,
      connection: proxy.connectionFrom(port),
    });
  };
  const server = await startStaticServer(directory, {
    onRequest,
    graceMs: 0,
    keepAliveMs: KEEP_ALIVE_MS,
  });
  const { hostname: host, port } = new URL(server.url);
  const proxy = await startLinkProxy({ host, port: Number(port) }, link, options);
  const close = async (): Promise<void> => {
    await proxy.close();
    await server.close();
  };
  return {
    url: `http://127.0.0.1:${proxy.port}/`,
    count() {
      const bytes: Record<Kind, number> = { data: 0, index: 0, metadata: 0 };
      for (const answer of answers) bytes[answer.kind] += carriedOf(answer);
      return { requests: answers.length, bytes, wireBytes: proxy.wireBytes() };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What the line has carried of it. When it broke off, its head counts in: some hundred bytes. */
function carriedOf({ bytes, from, connection }: Answer): number {
  return Math.max(0, Math.min(bytes, (connection?.passed ?? 0) - from));
}

/** The path of an object in the directory that the path of a URL names. */
function nameOf(path: string): string {
  const name = (path.split('?', 1)[0] ?? '').slice(1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
