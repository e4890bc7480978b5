/**
 * A store over a scripted S3 server.
 *
 * @module
 */
import type { ExecutionContext } from 'ava';
import { openS3Store, type S3StoreOptions } from '../../src/store/s3.ts';
import type { Store } from '../../src/store/store.ts';
import { type ScriptedS3, type ScriptedS3Options, startScriptedS3 } from './scripted-s3.ts';

/** No waits, no chance. */
export const QUICK = { sleep: async () => {}, random: () => 0 } as const;

/** The store, without repetition of whole calls, and its server. */
export async function openScriptedS3(
  t: ExecutionContext<unknown>,
  script: ScriptedS3Options = {},
  options: Partial<S3StoreOptions> = {},
): Promise<{ readonly store: Store; readonly server: ScriptedS3 }> {
  const server = await startScriptedS3(t, script);
  const { endpoint } = server;
  const store = openS3Store({ bucket: 'bucket', endpoint, forcePathStyle: true, retry: QUICK, ...options });
  t.teardown(() => store.close());
  return { store, server };
}
