import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { sha256Hex } from '../../src/core/digest.ts';
import { SiltError } from '../../src/core/errors.ts';
import { MiB } from '../../src/core/sizes.ts';
import type { RequestReport } from '../../src/store/request-report.ts';
import { openS3Store } from '../../src/store/s3.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { openScriptedS3, QUICK } from '../support/open-scripted-s3.ts';
import { findVersitygw, startS3Server } from '../support/s3-server.ts';
import { type ScriptedS3, startScriptedS3 } from '../support/scripted-s3.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

setAwsEnvironment();

const KEY = 'deltas/large';
const PARTS = 4;
const BODY = seededBytes('parts', 8 * MiB * (PARTS - 1) + 5);

interface Place {
  readonly endpoint: string;
  readonly path: string;
  readonly size: number;
}

async function bodyFile(t: ExecutionContext<unknown>): Promise<{ path: string; size: number }> {
  const path = join(await temporaryDirectory(t), 'body');
  await writeFile(path, BODY);
  return { path, size: BODY.length };
}

/** A process of its own that uploads the file and is killed with SIGKILL after so many parts. */
async function uploadAndDie(t: ExecutionContext<unknown>, place: Place, parts: number): Promise<void> {
  const program = fileURLToPath(new URL('../support/upload-child.ts', import.meta.url));
  const child = fork(program, [JSON.stringify({ ...place, key: KEY, killAfterParts: parts })], {
    execArgv: [],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  t.is(signal, 'SIGKILL');
}

/** Uploads it to the end; gives how many requests of each kind that took. */
async function uploadOn(
  t: ExecutionContext<unknown>,
  { endpoint, ...body }: Place,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const onRequest = ({ method }: RequestReport): void =>
    void counts.set(method, (counts.get(method) ?? 0) + 1);
  const store = openS3Store({ bucket: 'bucket', endpoint, forcePathStyle: true, retry: QUICK, onRequest });
  t.teardown(() => store.close());
  t.is(await store.putIfAbsent(KEY, body), 'created');
  t.is((await store.has(KEY))?.size, body.size);
  const found = await store.get(KEY, { maxBytes: body.size });
  t.is(sha256Hex(found?.bytes ?? new Uint8Array()), sha256Hex(BODY));
  return counts;
}

test('an upload whose process was killed is gone on with: only what is missing is sent', async (t) => {
  const server = await startScriptedS3(t);
  const place = { endpoint: server.endpoint, ...(await bodyFile(t)) };
  await uploadAndDie(t, place, 2);
  await server.left();
  const [[, left] = []] = server.uploads;
  const kept = left?.parts.size ?? 0;
  t.true(kept >= 2, String(kept));
  const counts = await uploadOn(t, place);
  t.is(counts.get('UploadPart') ?? 0, PARTS - kept);
  t.is(counts.get('CreateMultipartUpload'), undefined);
  t.is(server.uploads.size, 0);
});

test('the same with a real server', async (t) => {
  const program = findVersitygw(process.env);
  if (program === undefined) {
    const reason =
      'no versitygw: run scripts/provision-versitygw.sh; until then resumed uploads are not tested';
    t.falsy(process.env.CI, reason);
    t.log(reason);
    t.pass();
    return;
  }
  const server = await startS3Server(program);
  t.teardown(() => server.close());
  await server.makeBucket('bucket');
  const place = { endpoint: server.endpoint, ...(await bodyFile(t)) };
  await uploadAndDie(t, place, 2);
  const counts = await uploadOn(t, place);
  t.true((counts.get('UploadPart') ?? 0) <= PARTS - 2, String(counts.get('UploadPart')));
  t.is(counts.get('CreateMultipartUpload'), undefined);
});

/** An upload of the object that somebody has left, with these parts. */
function leave(server: ScriptedS3, id: string, parts: readonly Uint8Array[]): void {
  const stored = parts.map((bytes, at) => {
    const etag = `"${Buffer.from(bytes).length}-of-nobody"`;
    return [at + 1, { bytes: Buffer.from(bytes), size: bytes.length, etag, headers: {} }] as const;
  });
  server.uploads.set(id, { key: KEY, parts: new Map(stored) });
}

test('parts of other bytes are sent again, and other uploads of the object are taken back', async (t) => {
  const { store, server } = await openScriptedS3(t);
  leave(server, 'damaged', [new Uint8Array(8 * MiB), new Uint8Array(3)]);
  leave(server, 'older', []);
  t.is(await store.putIfAbsent(KEY, BODY), 'created');
  t.true(server.objects.get(KEY)?.bytes.equals(BODY));
  t.is(server.count('UploadPart'), PARTS);
  t.deepEqual([...server.uploads.keys()], []);
});

test('a server that does not list uploads gets all of it', async (t) => {
  const { store, server } = await openScriptedS3(t, {
    refuse: ({ operation }) =>
      operation === 'ListMultipartUploads' ? { status: 403, code: 'AccessDenied' } : undefined,
  });
  leave(server, 'left', []);
  t.is(await store.putIfAbsent(KEY, BODY), 'created');
  t.is(server.count('UploadPart'), PARTS);
});

test('an upload that another publisher ends under us has created the object for both', async (t) => {
  let raced = false;
  const { store, server } = await openScriptedS3(t, {
    refuse: ({ operation }) => {
      if (operation === 'UploadPart' && !raced) {
        raced = true;
        server.uploads.clear();
        server.objects.set(KEY, {
          bytes: Buffer.from(BODY),
          size: BODY.length,
          etag: '"theirs"',
          headers: {},
        });
      }
      return undefined;
    },
  });
  t.is(await store.putIfAbsent(KEY, BODY), 'exists');
  t.is(server.objects.get(KEY)?.etag, '"theirs"');
});

test('an upload that another publisher takes back under us is begun anew', async (t) => {
  let raced = false;
  const { store, server } = await openScriptedS3(t, {
    refuse: ({ operation }) => {
      if (operation === 'CompleteMultipartUpload' && !raced) {
        raced = true;
        server.uploads.clear();
      }
      return undefined;
    },
  });
  t.is(await store.putIfAbsent(KEY, BODY), 'created');
  t.is(server.count('CreateMultipartUpload'), 2);
});

test('what fails for good is taken back; what may go on the next time stays', async (t) => {
  const refusals = { broken: { status: 403, code: 'AccessDenied' }, down: 'reset' } as const;
  for (const [what, refusal] of Object.entries(refusals)) {
    const { store, server } = await openScriptedS3(t, {
      refuse: ({ operation }) => (operation === 'UploadPart' ? refusal : undefined),
    });
    await throwsSilt(t, () => store.putIfAbsent(KEY, BODY), what === 'down' ? 'NETWORK' : 'STORE_REFUSED');
    t.is(server.uploads.size, what === 'down' ? 1 : 0, what);
  }
  const stop = new AbortController();
  const { store, server } = await openScriptedS3(t, {
    refuse: ({ operation }) => {
      if (operation === 'UploadPart') stop.abort(new SiltError('INTERRUPTED', 'Ctrl-C'));
      return undefined;
    },
  });
  await throwsSilt(t, () => store.putIfAbsent(KEY, BODY, { signal: stop.signal }), 'INTERRUPTED');
  t.is(server.uploads.size, 1);
});
