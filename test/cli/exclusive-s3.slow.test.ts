import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { createJsonCli } from '../support/json-cli.ts';
import { s3Environment } from '../support/s3-bucket.ts';
import { startScriptedS3 } from '../support/scripted-s3.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

setAwsEnvironment();

const REPO = ['--repo', 's3://bucket/gateway'];
const OWN = [...REPO, '--keys', 'keys'];
const GATEWAY = ['--product', 'gateway'];

/** Every command that changes a repository. What they are run for does not matter to one another. */
const CHANGES: Readonly<Record<string, readonly string[]>> = {
  'keys init': ['keys', 'init', 'other-keys', '--repo', 's3://bucket/other'],
  publish: ['publish', 'a.img', ...OWN, ...GATEWAY, '--version', '3', '--compression', '1'],
  channel: ['channel', 'stable', '1', ...OWN, ...GATEWAY],
  'release without a stage': ['release', ...OWN],
  'release of a stage': ['release', 'channel.stage', ...OWN],
  'keys add': ['keys', 'add', ...OWN, '--role', 'product:app', '--generate', 'app.pem'],
  'keys rotate': ['keys', 'rotate', ...OWN, '--role', 'timestamp'],
  'keys revoke': ['keys', 'revoke', 'KEY', ...OWN],
  prune: ['prune', ...OWN, '--keep-last', '1'],
};

/** With keys, and nothing is written. */
const LOOKS: Readonly<Record<string, readonly string[]>> = {
  'keys list': ['keys', 'list', ...OWN],
  'keys export-root': ['keys', 'export-root', ...OWN, '--output', 'exported.json'],
  'channel with a stage': ['channel', 'canary', '1', ...OWN, ...GATEWAY, '--unsigned', 'canary.stage'],
  'keys rotate with a stage': ['keys', 'rotate', ...OWN, '--role', 'root', '--stage', 'rotate.stage'],
  'keys revoke with a stage': ['keys', 'revoke', 'KEY', ...OWN, '--stage', 'revoke.stage'],
  'a dry run of prune': ['prune', ...OWN, '--keep-last', '1', '--dry-run'],
};

test('every command that changes a repository asks whether the server keeps writers apart', async (t) => {
  t.timeout(240_000);
  const script = { hasConditions: true };
  const server = await startScriptedS3(t, script);
  const { directory, json, fails } = await createJsonCli(t, s3Environment(server.endpoint));
  await writeFile(join(directory, 'a.img'), seededBytes('exclusive', 40 * KiB));
  const product = ['--product', 'gateway', '--product-keys', '2'];
  const made = await json<{ keys: { role: string; keyId: string }[] }>(
    0,
    'keys',
    'init',
    'keys',
    ...REPO,
    ...product,
  );
  for (const version of ['1', '2']) {
    await json(0, 'publish', 'a.img', ...OWN, ...GATEWAY, '--version', version, '--compression', '1');
  }
  const stage = ['channel', 'beta', '1', ...OWN, ...GATEWAY, '--unsigned', 'channel.stage'];
  await json(0, ...stage);
  await json(0, 'sign', 'channel.stage', '--keys', 'keys');
  const { keyId = '' } = made.keys.findLast(({ role }) => role === 'product-gateway') ?? {};
  const filled = (args: readonly string[]): string[] => args.map((arg) => (arg === 'KEY' ? keyId : arg));

  script.hasConditions = false;
  const state = (): string =>
    [...server.objects]
      .flatMap(([key, { etag }]) => (key.endsWith('/probe.json') ? [] : [`${key} ${etag}`]))
      .join();
  const before = state();
  for (const [name, args] of Object.entries(CHANGES)) {
    const { code, message } = await fails(1, ...filled(args));
    t.is(code, 'STORE_REFUSED', name);
    t.regex(String(message), /does not keep two publishers apart.*--lock held/, name);
    t.is(state(), before, name);
  }
  const writes = (): number =>
    server.log.filter(({ operation }) => /Put|Delete|Create/.test(operation)).length;
  const written = writes();
  for (const args of Object.values(LOOKS)) await json(0, ...filled(args));
  t.is(writes(), written);
  // A stage is good for the state that it was made of.
  const { 'release of a stage': first, ...others } = CHANGES;
  for (const args of [first ?? [], ...Object.values(others)]) {
    const now = state();
    await json(0, ...filled(args), '--lock', 'held');
    t.not(state(), now, args.join(' '));
  }
});

test('SILT_S3_LOCK=held is for every command alike', async (t) => {
  const server = await startScriptedS3(t, { hasConditions: false });
  const env = { ...s3Environment(server.endpoint), SILT_S3_LOCK: 'held' };
  const { directory, json } = await createJsonCli(t, env);
  await writeFile(join(directory, 'a.img'), seededBytes('exclusive', 40 * KiB));
  await json(0, 'keys', 'init', 'keys', ...REPO, ...GATEWAY);
  for (const command of [
    'publish',
    'channel',
    'release without a stage',
    'keys add',
    'keys rotate',
    'prune',
  ]) {
    const args = (CHANGES[command] ?? []).map((arg) => (command === 'channel' && arg === '1' ? '3' : arg));
    await json(0, ...args);
  }
  t.false(server.objects.has('gateway/prune/probe.json'));
});
