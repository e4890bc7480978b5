import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import type { Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { openScriptedS3, QUICK } from '../support/open-scripted-s3.ts';
import type { Disturbance, ScriptedS3 } from '../support/scripted-s3.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

setAwsEnvironment();

const LOSSES: readonly (readonly [how: string, refusal: Disturbance])[] = [
  ['is reset', 'lost'],
  ['is an error of the server', { status: 500, code: 'InternalError', isDone: true }],
  ['asks for less', { status: 503, code: 'SlowDown', isDone: true }],
];

/** A server that carries out the first request of `operation`, and answers with `refusal` all the same. */
async function losing(
  t: ExecutionContext<unknown>,
  operation: string,
  refusal: Disturbance,
): Promise<{ store: Store; server: ScriptedS3 }> {
  let isLost = false;
  const { store, server } = await openScriptedS3(t, {
    refuse(request) {
      if (request.operation !== operation || isLost) return undefined;
      isLost = true;
      return refusal;
    },
  });
  return { store: withRetry(store, QUICK), server };
}

for (const [how, refusal] of LOSSES) {
  test(`an object whose answer ${how} counts as created, and the next one as there`, async (t) => {
    const { store, server } = await losing(t, 'PutObject', refusal);
    t.is(await store.putIfAbsent('targets/a', Buffer.from('bytes')), 'created');
    t.is(server.count('PutObject'), 2);
    t.is(await store.putIfAbsent('targets/a', Buffer.from('bytes')), 'exists');
  });

  test(`a file whose answer ${how} counts as created`, async (t) => {
    const path = join(await temporaryDirectory(t), 'file');
    await writeFile(path, 'bytes');
    const { store } = await losing(t, 'PutObject', refusal);
    t.is(await store.putIfAbsent('indexes/a', { path, size: 5 }), 'created');
  });

  test(`a change whose answer ${how} is known by its bytes`, async (t) => {
    const { store, server } = await losing(t, 'PutObject', refusal);
    const first = await store.putIfMatch('metadata/timestamp.json', Buffer.from('1'), undefined);
    t.deepEqual(first, server.objects.get('metadata/timestamp.json')?.etag);
    const second = await store.putIfMatch('metadata/timestamp.json', Buffer.from('2'), first);
    await throwsSilt(
      t,
      () => store.putIfMatch('metadata/timestamp.json', Buffer.from('3'), first),
      'CONFLICT',
    );
    t.is((await store.get('metadata/timestamp.json', { maxBytes: 9 }))?.etag, second);
  });

  test(`without conditional writes, under a lock, it is the same where an answer ${how}`, async (t) => {
    const { store: inner, server } = await openScriptedS3(
      t,
      {
        hasConditions: false,
        refuse: ({ operation }) =>
          operation === 'PutObject' && server.count('PutObject') === 0 ? refusal : undefined,
      },
      { exclusion: 'caller' },
    );
    const store = withRetry(inner, QUICK);
    t.is(await store.putIfAbsent('targets/a', Buffer.from('bytes')), 'created');
    t.is(server.count('PutObject'), 1);
  });
}

for (const operation of ['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload']) {
  test(`a large object with the answer to ${operation} lost counts as created, and no parts stay`, async (t) => {
    const bytes = seededBytes('large', 17 * MiB);
    const { store, server } = await losing(t, operation, 'lost');
    t.is(await store.putIfAbsent('packs/a', bytes), 'created');
    t.true(server.objects.get('packs/a')?.bytes.equals(bytes));
    t.is(server.uploads.size, 0);
    t.is(await store.putIfAbsent('packs/a', bytes), 'exists');
  });
}

test('a completion that is refused for what it made itself counts as created', async (t) => {
  const bytes = seededBytes('large', 17 * MiB);
  let completions = 0;
  const { store, server } = await openScriptedS3(t, {
    refuse({ operation }) {
      if (operation !== 'CompleteMultipartUpload') return undefined;
      completions += 1;
      // As AWS answers a completion that comes again.
      return completions === 1 ? 'lost' : { status: 412, code: 'PreconditionFailed' };
    },
  });
  t.is(await withRetry(store, QUICK).putIfAbsent('packs/a', bytes), 'created');
  t.is(completions, 2);
  t.is(server.uploads.size, 0);
});

test('a deletion whose answer is lost is done', async (t) => {
  const { store, server } = await losing(t, 'DeleteObject', 'lost');
  await store.putIfAbsent('packs/a', Buffer.from('bytes'));
  await store.remove('packs/a');
  t.is(server.objects.size, 0);
  t.is(server.count('DeleteObject'), 2);
});
