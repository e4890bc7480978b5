import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { UploadQueue } from '../../src/publisher/upload-queue.ts';
import { AdaptiveLimit, MOST_REQUESTS } from '../../src/store/adaptive-limit.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { openScriptedS3, QUICK } from '../support/open-scripted-s3.ts';
import type { Refusal } from '../support/scripted-s3.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';

setAwsEnvironment();

const keyOf = (at: number): string => `packs/${String(at).padStart(64, '0')}`;

/** Sends so many small objects; gives what the queue and the server counted. */
async function sendAll(count: number, server: Awaited<ReturnType<typeof openScriptedS3>>) {
  const uploads = new UploadQueue(withRetry(server.store, { ...QUICK, attempts: 8 }));
  for (let at = 0; at < count; at += 1) await uploads.put(keyOf(at), seededBytes(`${at}`, 100 + (at % 7)));
  await uploads.finish();
  const stored = [...server.server.objects.values()];
  return {
    counted: uploads.totals,
    stored: {
      objectsUploaded: stored.length,
      bytesUploaded: stored.reduce((sum, { size }) => sum + size, 0),
    },
  };
}

test('hundreds of objects go up many at a time, and the counts are those of the server', async (t) => {
  const limit = new AdaptiveLimit();
  let most = 0;
  const opened = await openScriptedS3(
    t,
    {
      refuse: ({ active }) => {
        most = Math.max(most, active);
        return undefined;
      },
    },
    { limit },
  );
  const { counted, stored } = await sendAll(300, opened);
  t.deepEqual(counted, stored);
  t.is(counted.objectsUploaded, 300);
  t.true(most >= 8 && most <= MOST_REQUESTS, `${most} at once`);
});

test('a store that slows down, fails and resets gets fewer requests at once, and everything in the end', async (t) => {
  const random = seededRandom(5);
  const limit = new AdaptiveLimit({ first: 32 });
  const troubles: readonly Refusal[] = [
    { status: 503, code: 'SlowDown' },
    { status: 500, code: 'InternalError' },
    { status: 429, code: 'TooManyRequests' },
    'reset',
  ];
  let refused = 0;
  let least = 32;
  const opened = await openScriptedS3(
    t,
    {
      refuse: () => {
        least = Math.min(least, limit.limit);
        const trouble = random() < 0.1 ? troubles[Math.floor(random() * troubles.length)] : undefined;
        if (trouble !== undefined) refused += 1;
        return trouble;
      },
    },
    { limit },
  );
  const { counted, stored } = await sendAll(200, opened);
  t.deepEqual(counted, stored);
  t.is(stored.objectsUploaded, 200);
  t.true(refused > 20, String(refused));
  t.true(least <= 4, String(least));
});

test('a store that takes only so many at once is not asked for more for long', async (t) => {
  const limit = new AdaptiveLimit();
  let over = 0;
  let asked = 0;
  const opened = await openScriptedS3(
    t,
    {
      refuse: async ({ active }) => {
        asked += 1;
        for (let turns = 0; turns < 10; turns += 1) await turn();
        if (active <= 10) return undefined;
        over += 1;
        return { status: 503, code: 'SlowDown' };
      },
    },
    { limit },
  );
  const { stored } = await sendAll(200, opened);
  t.is(stored.objectsUploaded, 200);
  t.true(over > 0 && over < asked / 4, `${over} of ${asked}`);
});
