import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { s3Test, startS3Bucket } from '../support/s3-bucket.ts';

setAwsEnvironment();

const COUNT = 100_000;
const keyOf = (at: number): string => `packs/${String(at).padStart(64, '0')}`;

s3Test('a real server lists 100,000 objects, each of them once', async (t) => {
  t.timeout(240_000);
  const { store, fileOf } = await startS3Bucket(t);
  mkdirSync(dirname(fileOf(keyOf(0))), { recursive: true });
  // Behind the back of the server, as a hundred thousand requests would be the longer part of this.
  for (let at = 0; at < COUNT; at += 1) writeFileSync(fileOf(keyOf(at)), 'x'.repeat(1 + (at % 3)));
  const seen = new Uint8Array(COUNT);
  let wrong = 0;
  for await (const { key, size } of store.list('packs/')) {
    const at = Number(key.slice('packs/'.length));
    seen[at]! += 1;
    if (key !== keyOf(at) || size !== 1 + (at % 3)) wrong += 1;
  }
  t.is(wrong, 0);
  t.is(
    seen.findIndex((times) => times !== 1),
    -1,
  );
});
