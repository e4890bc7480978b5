import { mkdir, writeFile } from 'node:fs/promises';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Link } from '../../src/compare/link.ts';
import type { Kind } from '../../src/compare/peer.ts';
import { type Site, type SiteCount, startSite } from '../../src/compare/site.ts';
import { MiB } from '../../src/core/sizes.ts';
import { collectBytes } from '../support/collect.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const link: Link = {
  name: 'test',
  title: 'test',
  bytesPerSecond: 125_000_000,
  roundTripMs: 1,
  loss: 0,
  resetAfterBytes: 0,
};

const data = seededBytes('site', 3 * MiB);

const kindOf = (path: string): Kind =>
  path.startsWith('data/') ? 'data' : path === 'the index' ? 'index' : 'metadata';

async function published(t: ExecutionContext<unknown>): Promise<string> {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'data'));
  await writeFile(join(directory, 'data', 'large'), data);
  await writeFile(join(directory, 'the index'), 'what is where');
  await writeFile(join(directory, 'latest'), '1');
  return directory;
}

async function serve(t: ExecutionContext<unknown>, changes: Partial<Link> = {}): Promise<Site> {
  const site = await startSite(await published(t), { ...link, ...changes }, kindOf);
  t.teardown(() => site.close());
  return site;
}

async function ask(site: Site, path: string, headers: Record<string, string> = {}): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(new URL(path, site.url), { agent: false, headers }, resolve).on('error', reject);
  return await collectBytes(await promise);
}

/** Resolves when the account holds `requests`: an answer is reported when its file is closed. */
async function counted(site: Site, requests: number): Promise<SiteCount> {
  while (site.count().requests < requests) await new Promise<void>((resolve) => void setImmediate(resolve));
  return site.count();
}

test('bodies are counted by kind, and requests, also those for what is not there', async (t) => {
  const site = await serve(t);
  t.deepEqual(site.count(), { requests: 0, bytes: { data: 0, index: 0, metadata: 0 }, wireBytes: 0 });
  t.true((await ask(site, 'data/large')).equals(data));
  await ask(site, 'data/large', { range: 'bytes=100-299' });
  await ask(site, 'the%20index?query');
  await ask(site, 'latest');
  await ask(site, 'missing');
  const { requests, bytes, wireBytes } = await counted(site, 5);
  t.is(requests, 5);
  t.deepEqual(bytes, { data: data.byteLength + 200, index: 13, metadata: 1 });
  const heads = wireBytes - data.byteLength - 214;
  t.true(heads > 5 * 50 && heads < 5 * 500, String(heads));
});

test('of an answer that broke off, what went over the line is counted', async (t) => {
  const site = await serve(t, { resetAfterBytes: 50_000 });
  for (let i = 0; i < 5; i += 1) await t.throwsAsync(ask(site, 'data/large'), { code: 'ECONNRESET' });
  const { bytes, wireBytes } = await counted(site, 5);
  t.true(bytes.data <= wireBytes && bytes.data >= wireBytes - 5 * 500, `${bytes.data} of ${wireBytes}`);
});

test('a client that leaves is charged with what was under way', async (t) => {
  const site = await serve(t, { bytesPerSecond: 2_000_000 });
  const left = Promise.withResolvers<void>();
  const asked = request(new URL('data/large', site.url), { agent: false }, (answer) => {
    answer.once('data', () => asked.destroy());
    answer.on('error', () => {}).on('close', left.resolve);
  });
  asked.on('error', () => {}).end();
  await left.promise;
  const { bytes, wireBytes } = await counted(site, 1);
  t.true(bytes.data > 0 && bytes.data < data.byteLength);
  t.true(bytes.data <= wireBytes);
});

test('answers on one connection are told apart', async (t) => {
  const site = await serve(t, { resetAfterBytes: 1 });
  // However early it breaks: nothing is counted twice, and nothing that did not go.
  for (let i = 0; i < 3; i += 1) await t.throwsAsync(ask(site, 'latest'), { code: 'ECONNRESET' });
  const { wireBytes } = await counted(site, 3);
  t.true(wireBytes > 0 && wireBytes < 100);
});

test('a connection that the line is still busy with is not idle', async (t) => {
  const site = await serve(t);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(new URL('latest', site.url), { agent: new Agent({ keepAlive: true }) }, resolve).on('error', reject);
  const answer = await promise;
  await collectBytes(answer);
  t.regex(String(answer.headers['keep-alive']), /^timeout=75$/);
});

test('a site that is closed answers no more, and its figures stay', async (t) => {
  const site = await startSite(await published(t), link, kindOf);
  {
    await using closing = site;
    await ask(closing, 'latest');
  }
  t.is(site.count().bytes.metadata, 1);
  // Linux resets a connection that meets the port while it closes.
  await t.throwsAsync(ask(site, 'latest'), { message: /ECONN(REFUSED|RESET)/ });
});

test('a missing directory says so', async (t) => {
  const directory = join(await temporaryDirectory(t), 'missing');
  await throwsSilt(t, () => startSite(directory, link, kindOf), 'IO_FAILED');
});
