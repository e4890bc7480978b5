/**
 * A bucket of its own on a real S3 server, for tests that look into what the server stores, or put a
 * {@link S3Front} before it. Tests that need it are skipped by name where versitygw is missing, except with CI=true.
 *
 * @module
 */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openS3Store } from '../../src/store/s3.ts';
import type { Key, Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import { QUICK } from './open-scripted-s3.ts';
import { type S3Front, type S3FrontOptions, startS3Front } from './s3-front.ts';
import { findVersitygw, startS3Server } from './s3-server.ts';

const program = findVersitygw(process.env);

/** A test that needs versitygw. */
export const s3Test = program === undefined && process.env.CI !== 'true' ? test.skip : test;

const BUCKET = 'updates';
const PREFIX = 'gateway';

export interface S3Bucket {
  readonly endpoint: string;
  /** For `--repo`. */
  readonly location: string;
  /** The repository, by its server. */
  readonly store: Store;
  /** The file that the server keeps the object in. */
  fileOf(key: Key): string;
  /** A front before the server. */
  front(options?: S3FrontOptions): Promise<S3Front>;
  /** The repository by way of a front, with retries that do not wait. */
  storeAt(endpoint: string): Store;
}

/** Starts the server; it ends with the test. */
export async function startS3Bucket(t: ExecutionContext<unknown>): Promise<S3Bucket> {
  if (program === undefined) throw new Error('no versitygw: run scripts/provision-versitygw.sh');
  const server = await startS3Server(program);
  t.teardown(() => server.close());
  await server.makeBucket(BUCKET);
  const storeAt = (endpoint: string): Store => {
    const place = { bucket: BUCKET, prefix: PREFIX, endpoint, forcePathStyle: true };
    const store = openS3Store({ ...place, retry: { ...QUICK, attempts: 8 } });
    t.teardown(() => store.close());
    return withRetry(store, { ...QUICK, attempts: 8 });
  };
  return {
    endpoint: server.endpoint,
    location: `s3://${BUCKET}/${PREFIX}`,
    store: storeAt(server.endpoint),
    fileOf: (key) => join(server.data, BUCKET, PREFIX, key),
    front: (options) => startS3Front(t, server.endpoint, { prefix: `${PREFIX}/`, ...options }),
    storeAt,
  };
}

/** What a process of the command line needs to find the server, besides `setAwsEnvironment`. */
export function s3Environment(endpoint: string): Record<string, string> {
  return { AWS_ENDPOINT_URL_S3: endpoint, SILT_S3_PATH_STYLE: '1' };
}
