/**
 * Just enough of S3, in memory, to be told to misbehave: for what a real server does only on a bad day, and for
 * sizes and numbers that no test wants on disk. It listens on a free port of the loopback interface.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';

/** A request, as the server sees it. */
export interface S3Request {
  /** By S3's name, such as `PutObject`. */
  readonly operation: string;
  readonly key: string;
  readonly headers: IncomingMessage['headers'];
  /** Requests under way when it came, itself included. */
  readonly active: number;
}

/** What is done instead of what was asked: an error by S3's name, or a connection that is reset. */
export type Refusal =
  | {
      readonly status: number;
      readonly code: string;
      readonly headers?: Readonly<Record<string, string>>;
      /** The request is carried out, and the answer is this all the same. */
      readonly isDone?: boolean;
    }
  | 'reset';

/** The same; or the request is carried out, and the connection is reset ahead of the answer. */
export type Disturbance = Refusal | 'lost';

export interface ScriptedS3Options {
  /** Asked about every request once its body is there; `undefined`: all goes well. */
  readonly refuse?: (request: S3Request) => Promise<Disturbance | undefined> | Disturbance | undefined;
  /** Whether If-None-Match and If-Match are kept to. Default true. */
  readonly hasConditions?: boolean;
  /** Remember no bytes, sizes only. */
  readonly isForgetful?: boolean;
  /** What listings show instead of what is there. */
  readonly listing?: () => Iterable<readonly [key: string, size: number]>;
}

export interface StoredS3Object {
  readonly bytes: Buffer;
  readonly size: number;
  readonly etag: string;
  readonly headers: IncomingMessage['headers'];
}

export interface ScriptedS3 {
  readonly endpoint: string;
  readonly objects: Map<string, StoredS3Object>;
  /** Uploads in parts that were begun and not ended, by id. */
  readonly uploads: Map<string, { readonly key: string; readonly parts: Map<number, StoredS3Object> }>;
  readonly log: {
    readonly operation: string;
    readonly key: string;
    readonly status: number;
    readonly bytes: number;
  }[];
  /** Requests of this operation that were answered. */
  count(operation: string): number;
  /** Until no connection is open, and so nothing is under way any more of a client that is gone. */
  left(): Promise<void>;
}

const PAGE = 1000;

/** Starts the server with one bucket, `bucket`; it ends with the test. */
export async function startScriptedS3(
  t: ExecutionContext<unknown>,
  options: ScriptedS3Options = {},
): Promise<ScriptedS3> {
  const objects: ScriptedS3['objects'] = new Map();
  const uploads: ScriptedS3['uploads'] = new Map();
  const log: ScriptedS3['log'] = [];
  let active = 0;
  const server = createServer((request, response) => {
    active += 1;
    response.once('close', () => {
      active -= 1;
    });
    void answer(request, response, active).catch(() => response.destroy());
  });

  let open = 0;
  server.on('connection', (socket) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse, seen: number): Promise<void> {
    const url = new URL(request.url ?? '', 'http://s3');
    const key = decodeURIComponent(url.pathname.split('/').slice(2).join('/'));
    const operation = operationOf(request.method ?? '', key, url.searchParams);
    const hash = createHash('md5');
    const blocks: Buffer[] = [];
    let size = 0;
    for await (const block of request as AsyncIterable<Buffer>) {
      size += block.length;
      hash.update(block);
      if (options.isForgetful !== true || block.length < 64 * 1024) blocks.push(block);
    }
    const bytes = options.isForgetful === true && size > 1e6 ? Buffer.alloc(0) : Buffer.concat(blocks);
    const object = { bytes, size, etag: `"${hash.digest('hex')}"`, headers: request.headers };
    // Others come in meanwhile, as they would over a line.
    await turn();
    const refusal = await options.refuse?.({ operation, key, headers: request.headers, active: seen });
    const note = (status: number): void => void log.push({ operation, key, status, bytes: size });
    if (refusal === 'reset' || refusal === 'lost') {
      if (refusal === 'lost') perform(operation, key, url.searchParams, object);
      note(0);
      request.socket.resetAndDestroy();
      return;
    }
    const done =
      refusal === undefined || refusal.isDone === true
        ? perform(operation, key, url.searchParams, object)
        : undefined;
    const {
      status,
      headers = {},
      body = '',
    } = refusal === undefined
      ? (done as Answer)
      : { status: refusal.status, headers: refusal.headers, body: errorBody(refusal.code) };
    note(status);
    response.writeHead(status, { 'content-type': 'application/xml', ...headers });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  function perform(operation: string, key: string, query: URLSearchParams, object: StoredS3Object): Answer {
    const id = query.get('uploadId') ?? '';
    const upload = uploads.get(id);
    const found = objects.get(key);
    if (/Part|UploadId|Complete|Abort/.test(operation) && upload === undefined)
      return error(404, 'NoSuchUpload');
    switch (operation) {
      case 'PutObject':
        if (isRefused(object.headers, found)) return error(412, 'PreconditionFailed');
        objects.set(key, object);
        return { status: 200, headers: { etag: object.etag } };
      case 'HeadObject':
        if (found === undefined) return error(404, 'NotFound');
        return { status: 200, headers: { etag: found.etag, 'content-length': `${found.size}` } };
      case 'GetObject':
        return found === undefined ? error(404, 'NoSuchKey') : get(found, object.headers.range);
      case 'DeleteObject':
        objects.delete(key);
        return { status: 204 };
      case 'ListObjectsV2':
        return list(query);
      case 'CreateMultipartUpload': {
        const next = `upload-${log.length}`;
        uploads.set(next, { key, parts: new Map() });
        return xml('InitiateMultipartUploadResult', `<UploadId>${next}</UploadId>`);
      }
      case 'UploadPart':
        upload?.parts.set(Number(query.get('partNumber')), object);
        return { status: 200, headers: { etag: object.etag } };
      case 'CompleteMultipartUpload': {
        if (isRefused(object.headers, found)) return error(412, 'PreconditionFailed');
        const parts = [...(upload?.parts ?? [])].sort(([a], [b]) => a - b).map(([, part]) => part);
        const etag = `"all-${parts.length}"`;
        const size = parts.reduce((sum, part) => sum + part.size, 0);
        objects.set(key, { bytes: Buffer.concat(parts.map(({ bytes }) => bytes)), size, etag, headers: {} });
        uploads.delete(id);
        return xml('CompleteMultipartUploadResult', `<ETag>${etag}</ETag>`);
      }
      case 'AbortMultipartUpload':
        uploads.delete(id);
        return { status: 204 };
      case 'ListMultipartUploads':
        return xml(
          'ListMultipartUploadsResult',
          [...uploads]
            .filter(([, one]) => one.key.startsWith(query.get('prefix') ?? ''))
            .map(([one, { key: of }]) => `<Upload><Key>${of}</Key><UploadId>${one}</UploadId></Upload>`)
            .join(''),
        );
      case 'ListParts':
        return xml(
          'ListPartsResult',
          partsAfter(upload?.parts ?? new Map(), query.get('part-number-marker')),
        );
      default:
        return error(501, 'NotImplemented');
    }
  }

  function isRefused(headers: IncomingMessage['headers'], found: StoredS3Object | undefined): boolean {
    if (options.hasConditions === false) return false;
    const { 'if-none-match': none, 'if-match': match } = headers;
    return (none !== undefined && found !== undefined) || (match !== undefined && found?.etag !== match);
  }

  function list(query: URLSearchParams): Answer {
    const after = query.get('continuation-token') ?? '';
    const prefix = query.get('prefix') ?? '';
    const shown: Iterable<readonly [string, number]> =
      options.listing?.() ?? [...objects].map(([key, { size }]) => [key, size] as const);
    const all = [...shown].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
    const from = after === '' ? 0 : Number(after);
    const page = all.slice(from, from + PAGE);
    const isTruncated = from + PAGE < all.length;
    const contents = page.map(([key, size]) => `<Contents><Key>${key}</Key><Size>${size}</Size></Contents>`);
    const next = isTruncated ? `<NextContinuationToken>${from + PAGE}</NextContinuationToken>` : '';
    return xml('ListBucketResult', `<IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}`);
  }

  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    uploads,
    log,
    count: (operation) => log.filter((entry) => entry.operation === operation).length,
    left: async () => {
      while (open > 0) await turn();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** What a request is, by S3's name. @param key that of the object; empty for one about the bucket */
export function operationOf(method: string, key: string, query: URLSearchParams): string {
  if (key === '') return query.has('uploads') ? 'ListMultipartUploads' : 'ListObjectsV2';
  const isOfUpload = query.has('uploadId');
  if (method === 'PUT') return isOfUpload ? 'UploadPart' : 'PutObject';
  if (method === 'POST') return isOfUpload ? 'CompleteMultipartUpload' : 'CreateMultipartUpload';
  if (method === 'DELETE') return isOfUpload ? 'AbortMultipartUpload' : 'DeleteObject';
  if (method === 'HEAD') return 'HeadObject';
  return isOfUpload ? 'ListParts' : 'GetObject';
}

function get({ bytes, etag }: StoredS3Object, range: string | undefined): Answer {
  const match = /^bytes=(\d+)-(\d+)$/.exec(range ?? '');
  if (match === null)
    return { status: 200, headers: { etag, 'content-length': `${bytes.length}` }, body: bytes };
  const [from, to] = [Number(match[1]), Math.min(Number(match[2]), bytes.length - 1)];
  if (from >= bytes.length) return error(416, 'InvalidRange');
  const headers = {
    etag,
    'content-length': `${to - from + 1}`,
    'content-range': `bytes ${from}-${to}/${bytes.length}`,
  };
  return { status: 206, headers, body: bytes.subarray(from, to + 1) };
}

function partsAfter(parts: ReadonlyMap<number, StoredS3Object>, marker: string | null): string {
  const left = [...parts].filter(([number]) => number > Number(marker ?? 0)).sort(([a], [b]) => a - b);
  const page = left.slice(0, PAGE);
  const isTruncated = left.length > PAGE;
  const next = `<NextPartNumberMarker>${page.at(-1)?.[0] ?? 0}</NextPartNumberMarker>`;
  const listed = page.map(
    ([number, { size, etag }]) =>
      `<Part><PartNumber>${number}</PartNumber><Size>${size}</Size><ETag>${etag}</ETag></Part>`,
  );
  return `<IsTruncated>${isTruncated}</IsTruncated>${next}${listed.join('')}`;
}

function xml(name: string, inner: string): Answer {
  return { status: 200, body: `<?xml version="1.0"?><${name}>${inner}</${name}>` };
}

/** How S3 says what went wrong. */
export function errorBody(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
}

function error(status: number, code: string): Answer {
  return { status, body: errorBody(code) };
}
