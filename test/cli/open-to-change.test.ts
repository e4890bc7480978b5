import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { openToChange, type RepositoryUse } from '../../src/cli/open-to-change.ts';
import type { PutFlags } from '../../src/cli/put-flags.ts';
import type { Store } from '../../src/store/store.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { s3Environment } from '../support/s3-bucket.ts';
import { startScriptedS3 } from '../support/scripted-s3.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

setAwsEnvironment();

const cli = fileURLToPath(new URL('../../src/cli', import.meta.url));

interface Opening {
  readonly location?: string;
  readonly use?: RepositoryUse;
  readonly flags?: PutFlags;
  readonly env?: Record<string, string>;
}

async function opened(t: ExecutionContext<unknown>, opening: Opening): Promise<Store> {
  const { location = 's3://bucket/gateway', use = 'change', flags = {}, env = {} } = opening;
  const stack = new AsyncDisposableStack();
  t.teardown(() => stack.disposeAsync());
  const { signal } = new AbortController();
  return await openToChange(location, flags, { use, stack, signal, env: { ...process.env, ...env } });
}

test('one file opens the stores of commands that write', (t) => {
  const sources = readdirSync(cli, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  const openers = sources.filter((path) =>
    /\b(openStore|openS3Store|openDirectoryStore|requireExclusiveWrites)\b/.test(
      readFileSync(join(cli, path), 'utf8'),
    ),
  );
  t.deepEqual(openers, ['open-to-change.ts']);
});

test('a server that does not keep writers apart is refused to whoever changes what others may change', async (t) => {
  const { endpoint, log } = await startScriptedS3(t, { hasConditions: false });
  // Read by the SDK itself.
  process.env.AWS_ENDPOINT_URL_S3 = endpoint;
  const env = s3Environment(endpoint);
  const error = await throwsSilt(t, () => opened(t, { env }), 'STORE_REFUSED');
  t.regex(error.message, /does not keep two publishers apart.*--lock held/);
  t.true(log.every(({ key }) => key === 'gateway/prune/probe.json'));
  const asked = log.length;
  await opened(t, { env, use: 'add' });
  await opened(t, { env, use: 'read' });
  await opened(t, { env, flags: { lock: 'caller' } });
  await opened(t, { env: { ...env, SILT_S3_LOCK: 'held' } });
  t.is(log.length, asked);
});

test('a lock means nothing for a directory, which is not asked either', async (t) => {
  const location = await temporaryDirectory(t);
  const error = await throwsSilt(t, () => opened(t, { location, flags: { lock: 'caller' } }), 'USAGE');
  t.regex(error.message, /--lock are for s3:\/\/ repositories/);
  await opened(t, { location });
  t.deepEqual(await readdir(location), []);
});
