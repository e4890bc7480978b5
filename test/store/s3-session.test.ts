import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { requireExclusiveWrites } from '../../src/publisher/require-exclusive-writes.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import { setAwsEnvironment, TEST_CREDENTIALS } from '../support/aws-environment.ts';
import { openScriptedS3, QUICK } from '../support/open-scripted-s3.ts';
import type { S3Request } from '../support/scripted-s3.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

setAwsEnvironment();

const BODY = Buffer.from('a');
const EXPIRED = { status: 400, code: 'ExpiredToken' } as const;

/** The key with which a request was signed. */
function signerOf({ headers }: S3Request): string | undefined {
  return /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1];
}

/** Credentials in a file, as a tool beside the job renews them; this process has them from nowhere else. */
async function credentialsFile(t: Parameters<typeof temporaryDirectory>[0]) {
  const path = join(await temporaryDirectory(t), 'credentials');
  const write = async (id: string): Promise<void> =>
    await writeFile(
      path,
      `[default]\naws_access_key_id = ${id}\naws_secret_access_key = s\naws_session_token = t\n`,
    );
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, ...rest } = process.env;
  process.env = { ...rest, AWS_SHARED_CREDENTIALS_FILE: path };
  t.teardown(setAwsEnvironment);
  return write;
}

test.serial('credentials that expire half way are asked for again, once, and the work goes on', async (t) => {
  const write = await credentialsFile(t);
  await write('first');
  let answered = 0;
  let written: Promise<void> | undefined;
  const { store, server } = await openScriptedS3(t, {
    refuse: async (request) => {
      if (signerOf(request) === 'second') return undefined;
      answered += 1;
      if (answered <= 10) return undefined;
      written ??= write('second');
      await written;
      return EXPIRED;
    },
  });
  const keys = Array.from({ length: 30 }, (_, at) => `packs/${at}`);
  const outcomes = await Promise.all(
    keys.map(async (key) =>
      (await store.has(key)) === undefined ? await store.putIfAbsent(key, BODY) : 'there',
    ),
  );
  t.true(outcomes.every((outcome) => outcome === 'created'));
  t.deepEqual([...server.objects.keys()].sort(), [...keys].sort());
});

test.serial('credentials that come late are waited for as long as calls are repeated', async (t) => {
  const write = await credentialsFile(t);
  await write('first');
  let refused = 0;
  const { store } = await openScriptedS3(t, {
    refuse: async (request) => {
      if (signerOf(request) === 'second') return undefined;
      refused += 1;
      if (refused === 3) await write('second');
      return EXPIRED;
    },
  });
  t.is(await withRetry(store, QUICK).putIfAbsent('packs/a', BODY), 'created');
  t.is(refused, 3);
});

test.serial(
  'credentials that stay expired are one clear error, also where the answer has no body',
  async (t) => {
    const { store, server } = await openScriptedS3(t, { refuse: () => EXPIRED });
    const asked = withRetry(store, QUICK);
    for (const call of [() => asked.has('packs/a'), () => asked.putIfAbsent('packs/a', BODY)]) {
      const error = await throwsSilt(t, call, 'STORE_REFUSED');
      t.regex(error.message, /ExpiredToken.*get new ones and run again.*not sent again/);
    }
    t.is(server.count('HeadObject'), 5);
  },
);

test.serial('a clock that is wrong is set right by the answer of the server', async (t) => {
  const skewed: string[] = [];
  const { store } = await openScriptedS3(t, {
    refuse: ({ operation, headers }) => {
      // Seven hours from now, by its own clock.
      const theirs = Date.now() + 7 * 3_600_000;
      const signed = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(`${headers['x-amz-date']}`) ?? [];
      const [, year, month, day, hour, minute, second] = signed.map(Number);
      const at = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
      if (Math.abs(at - theirs) < 900_000) return undefined;
      skewed.push(operation);
      return {
        status: 403,
        code: 'RequestTimeTooSkewed',
        headers: { date: new Date(theirs).toUTCString() },
      };
    },
  });
  t.is(await store.putIfAbsent('packs/a', BODY), 'created');
  t.deepEqual(skewed, ['PutObject']);
});

test.serial('a clock that stays wrong is told with both times, and not tried for long', async (t) => {
  const date = 'Mon, 02 Mar 2020 10:00:00 GMT';
  const { store, server } = await openScriptedS3(t, {
    refuse: () => ({ status: 403, code: 'RequestTimeTooSkewed', headers: { date } }),
  });
  const put = () => withRetry(store, QUICK).putIfAbsent('packs/a', BODY);
  const error = await throwsSilt(t, put, 'STORE_REFUSED');
  t.regex(error.message, /clock: it is 20.*here and 2020-03-02T10:00:00.000Z there; set the clock/);
  t.is(server.count('PutObject'), 2);
});

test.serial(
  'storage class and encryption go with what they are for, and no access control list ever',
  async (t) => {
    const heads: Record<string, S3Request['headers']> = {};
    const { store } = await openScriptedS3(
      t,
      {
        refuse: ({ operation, key, headers }) => {
          heads[`${operation} ${key}`] = headers;
          return undefined;
        },
      },
      {
        storageClass: 'STANDARD_IA',
        encryption: { algorithm: 'aws:kms', keyId: 'alias/silt' },
        mutableCacheControl: 'max-age=30',
      },
    );
    await store.putIfAbsent('packs/a', BODY);
    await store.putIfAbsent('packs/large', new Uint8Array(17 * 1024 * 1024));
    await store.putIfMatch('metadata/timestamp.json', BODY, undefined);
    await store.putIfAbsent('keys/a', BODY);
    for (const request of ['PutObject packs/a', 'CreateMultipartUpload packs/large']) {
      t.like(heads[request], {
        'x-amz-storage-class': 'STANDARD_IA',
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'alias/silt',
        'cache-control': 'public, max-age=31536000, immutable',
      });
    }
    const mutable = heads['PutObject metadata/timestamp.json'];
    t.is(mutable?.['x-amz-storage-class'], undefined);
    t.is(mutable?.['x-amz-server-side-encryption'], 'aws:kms');
    t.is(mutable?.['cache-control'], 'max-age=30');
    t.regex(heads['PutObject keys/a']?.['cache-control'] ?? '', /immutable/);
    const names = Object.values(heads).flatMap((headers) => Object.keys(headers));
    t.deepEqual(
      names.filter((name) => /acl|grant/.test(name)),
      [],
    );
    t.regex(heads['PutObject packs/a']?.authorization ?? '', new RegExp(TEST_CREDENTIALS.accessKeyId));
  },
);

test.serial('a server that ignores the conditions is found out, and one that refuses them', async (t) => {
  const ignoring = await openScriptedS3(t, { hasConditions: false });
  const error = await throwsSilt(t, () => requireExclusiveWrites(ignoring.store), 'STORE_REFUSED');
  t.regex(error.message, /no conditional writes.*--lock held/);
  const refusing = await openScriptedS3(t, {
    refuse: ({ headers }) =>
      headers['if-none-match'] !== undefined || headers['if-match'] !== undefined
        ? { status: 501, code: 'NotImplemented' }
        : undefined,
  });
  const refused = await throwsSilt(t, () => requireExclusiveWrites(refusing.store), 'STORE_REFUSED');
  t.is(
    refused.message.replace(refusing.store.location, ''),
    error.message.replace(ignoring.store.location, ''),
  );
});

test.serial(
  'a server that keeps to the conditions, and a directory, pass; the second time with less',
  async (t) => {
    const { store, server } = await openScriptedS3(t);
    await requireExclusiveWrites(store);
    t.is(server.count('PutObject'), 3);
    await requireExclusiveWrites(store);
    t.is(server.count('PutObject'), 5);
    const directory = await openDirectoryStore(await temporaryDirectory(t));
    await t.notThrowsAsync(requireExclusiveWrites(directory));
  },
);

test.serial('an answer that was lost is no sign of a server without conditions', async (t) => {
  let lost = 0;
  const { store } = await openScriptedS3(t, {
    refuse: ({ operation }) => {
      if (operation !== 'PutObject') return undefined;
      lost += 1;
      return lost % 2 === 1 ? { status: 500, code: 'InternalError', isDone: true } : undefined;
    },
  });
  await t.notThrowsAsync(requireExclusiveWrites(withRetry(store, QUICK)));
});

test.serial('under a lock of the caller no condition is sent, and what is there still stays', async (t) => {
  const conditions: string[] = [];
  const { store } = await openScriptedS3(
    t,
    {
      hasConditions: false,
      refuse: ({ headers }) => {
        conditions.push(...Object.keys(headers).filter((name) => /^if-/.test(name)));
        return undefined;
      },
    },
    { exclusion: 'caller' },
  );
  t.is(await store.putIfAbsent('packs/a', BODY), 'created');
  t.is(await store.putIfAbsent('packs/a', Buffer.from('b')), 'exists');
  const etag = await store.putIfMatch('metadata/timestamp.json', BODY, undefined);
  await throwsSilt(t, () => store.putIfMatch('metadata/timestamp.json', BODY, undefined), 'CONFLICT');
  await throwsSilt(t, () => store.putIfMatch('metadata/timestamp.json', BODY, '"other"'), 'CONFLICT');
  await store.putIfMatch('metadata/timestamp.json', Buffer.from('b'), etag);
  t.is(await store.putIfAbsent('packs/large', new Uint8Array(17 * 1024 * 1024)), 'created');
  t.is((await store.get('packs/a', { maxBytes: 10 }))?.bytes.toString(), 'a');
  t.deepEqual(conditions, []);
});
