/**
 * Is HTTP/2 faster than HTTP/1.1 for what a device asks for: many small ranges, a few at a time? Through a real
 * nginx with TLS, over lines with latency; docs/decisions/0016-http2.md has the answer.
 *
 *     node bench/http2.ts [LINK...]     lan, lte, 3g, or such as 8Mbit,120ms,0.5%; by default all three
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseLink } from '../src/compare/choose-links.ts';
import { LINKS, type Link } from '../src/compare/link.ts';
import { startLinkProxy } from '../src/compare/link-proxy.ts';
import { KiB, MiB } from '../src/core/sizes.ts';
import { startStaticServer } from '../src/server/static-server.ts';
import { openDirectoryStore } from '../src/store/directory.ts';
import { openHttpStore } from '../src/store/http.ts';
import type { ByteRange, ReadStore } from '../src/store/store.ts';
import { launchNginx } from '../test/support/nginx.ts';
import { seededBytes } from '../test/support/seeded-bytes.ts';
import { certify } from '../test/support/test-pki.ts';

const KEY = `packs/${'ab'.repeat(32)}`;
const PACK_BYTES = 16 * MiB;
const ROUNDS = 5;
/** Requests at once: what `silt fetch` has by default, and more. */
const PARALLEL = [1, 4, 16] as const;
/** A payload of a delta, a part of level 2, a frame. */
const SIZES = [4 * KiB, 32 * KiB, 256 * KiB] as const;

const DAY_MS = 86_400_000;
const { certificate, key } = await certify({
  name: 'bench',
  ca: true,
  usage: [],
  hosts: ['127.0.0.1'],
  from: new Date(Date.now() - DAY_MS),
  to: new Date(Date.now() + DAY_MS),
});
const directory = await mkdtemp(join(tmpdir(), 'silt-http2-'));
await (await openDirectoryStore(directory)).putIfAbsent(KEY, seededBytes('http2', PACK_BYTES));
const origin = await startStaticServer(directory, { graceMs: 0 });
const nginx = await launchNginx({ origin: origin.url, tls: { certificate, key } });
try {
  const named = process.argv.slice(2).map(chooseLink);
  const warm = openHttpStore(nginx.url, { tls: { ca: certificate } });
  await read(warm, { offset: 0, length: PACK_BYTES });
  await warm.close();
  console.log(`Seconds, the median of ${ROUNDS} runs and the best of them.\n`);
  console.log('| line | ranges | at once | HTTP/1.1 | best | HTTP/2 | best | HTTP/2 takes |');
  console.log('|---|--:|--:|--:|--:|--:|--:|--:|');
  for (const link of named.length > 0 ? named : LINKS) {
    for (const size of SIZES) for (const parallel of PARALLEL) await compare(link, size, parallel);
  }
} finally {
  await nginx.close();
  await origin.close();
  await rm(directory, { recursive: true, force: true });
}

/** Both, in turn, so that what else the machine does hits both. */
async function compare(link: Link, size: number, parallel: number): Promise<void> {
  // About two seconds of the line, and four of round trips one after another; resets would measure chance.
  const byTime = Math.min((link.bytesPerSecond * 2) / size, 4000 / Math.max(40, link.roundTripMs));
  const count = Math.max(8, Math.floor(byTime));
  const steady = { ...link, resetAfterBytes: 0 };
  const ranges = spread(count, size);
  const seconds: Record<'one' | 'two', number[]> = { one: [], two: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const version of ['one', 'two'] as const) {
      const line = await startLinkProxy({ host: '127.0.0.1', port: nginx.port }, steady, { seed: round + 1 });
      const store = openHttpStore(`https://127.0.0.1:${line.port}/`, {
        tls: { ca: certificate },
        http2: version === 'two',
        connections: 16,
      });
      const began = performance.now();
      await readAll(store, ranges, parallel);
      seconds[version].push((performance.now() - began) / 1000);
      await store.close();
      await line.close();
    }
  }
  const [one, two] = [median(seconds.one), median(seconds.two)];
  const what = `${count} of ${size / KiB} KiB`;
  const share = `${Math.round((two / one) * 100)} %`;
  const [bestOne, bestTwo] = [Math.min(...seconds.one), Math.min(...seconds.two)];
  const figures = [one, bestOne, two, bestTwo].map((value) => value.toFixed(2)).join(' | ');
  console.log(`| ${link.name} | ${what} | ${parallel} | ${figures} | ${share} |`);
}

/** `count` ranges all over the pack. */
function spread(count: number, length: number): ByteRange[] {
  const step = (PACK_BYTES - length) / count;
  return Array.from({ length: count }, (_, at) => ({ offset: Math.floor(at * step), length }));
}

async function readAll(store: ReadStore, ranges: readonly ByteRange[], parallel: number): Promise<void> {
  const left = [...ranges];
  const lane = async (): Promise<void> => {
    for (let range = left.shift(); range !== undefined; range = left.shift()) await read(store, range);
  };
  await Promise.all(Array.from({ length: parallel }, lane));
}

async function read(store: ReadStore, range: ByteRange): Promise<void> {
  let bytes = 0;
  for await (const block of store.getRange(KEY, range)) bytes += block.byteLength;
  if (bytes !== range.length) throw new Error(`expected ${range.length} bytes, found ${bytes}`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
