import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { type FaultProxy, type FaultRule, startFaultProxy } from '../support/fault-proxy.ts';
import { PRODUCT, publishReleases, sharedDirectory } from '../support/release-repository.ts';
import { type Cli, createCli } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const image = seededBytes('mirrors of the command line', 2 * MiB);
const shared = await sharedDirectory();
const repository = await publishReleases(shared.path, { '1.0.0': image }, 16 * KiB);
test.after.always(() => shared.remove());

async function host(t: ExecutionContext<unknown>, rules: readonly FaultRule[] = []): Promise<FaultProxy> {
  const server = await startStaticServer(repository, { graceMs: 0 });
  const proxy = await startFaultProxy(server.url, { rules });
  t.teardown(async () => {
    await proxy.close();
    await server.close();
  });
  return proxy;
}

const FETCH = ['fetch', '--insecure', '--product', PRODUCT, '--output', 'out.img'];

interface Reported {
  readonly requests: number;
  readonly bytesFetched: number;
  readonly mirrors?: readonly { location: string; requests: number; bytes: number; failures: number }[];
}

async function report(t: ExecutionContext<unknown>, cli: Cli, ...args: string[]): Promise<Reported> {
  const { status, stdout, stderr } = await cli.run(...FETCH, ...args, '--json');
  t.is(status, 0, stderr);
  t.true((await readFile(join(cli.directory, 'out.img'))).equals(image));
  return JSON.parse(stdout) as Reported;
}

test('a host that dies in the middle is left for the next, and the report tells what came from where', async (t) => {
  const bad = await host(t, [{ match: /packs/, fault: { kind: 'reset', after: 300_000 } }]);
  const good = await host(t);
  const cli = await createCli(t);
  const found = await report(t, cli, '--repo', `${bad.url}?token=tops3cret`, '--repo', good.url);
  const [first, second] = found.mirrors ?? [];
  t.deepEqual([first?.location, second?.location], [bad.url, good.url]);
  t.is((first?.bytes ?? 0) + (second?.bytes ?? 0), found.bytesFetched);
  t.is((first?.requests ?? 0) + (second?.requests ?? 0), found.requests);
  t.deepEqual([first?.requests, second?.requests], [bad.log.length, good.log.length]);
  t.true((first?.failures ?? 0) > 0);
  t.is(second?.failures, 0);
});

test('wrong bytes are asked for elsewhere, and people are told whose they were', async (t) => {
  const bad = await host(t, [{ match: /packs/, fault: { kind: 'flip-bit', at: 100 } }]);
  const good = await host(t);
  const cli = await createCli(t);
  const { status, stdout } = await cli.run(...FETCH, '--repo', bad.url, '--repo', good.url);
  t.is(status, 0);
  t.regex(stdout, new RegExp(`from ${bad.url} .*1 times wrong bytes`));
  t.true((await readFile(join(cli.directory, 'out.img'))).equals(image));
});

test('SILT_REPO lists them as well, a directory first, and one repository needs no table', async (t) => {
  const good = await host(t);
  const cli = await createCli(t, { SILT_REPO: `/no/such/stick  ${good.url}` });
  const found = await report(t, cli);
  t.deepEqual(
    found.mirrors?.map(({ location, bytes }) => [location, bytes]),
    [
      ['/no/such/stick', 0],
      [good.url, found.bytesFetched],
    ],
  );
  const alone = await report(t, cli, '--repo', good.url);
  t.is(alone.mirrors, undefined);
  const inspected = await cli.run('inspect', '--insecure', '--json');
  t.is(inspected.status, 0);
  const verified = await cli.run(
    ...['verify', 'out.img', '--insecure', '--product', PRODUCT, '--repo', '/no/such/stick'],
    ...['--repo', good.url],
  );
  t.is(verified.status, 0, verified.stderr);
});

test('requests that fail count for the budget too', async (t) => {
  const rules = [{ match: /./, fault: { kind: 'status', status: 503 } as const }];
  const [bad, good] = [await host(t, rules), await host(t)];
  const cli = await createCli(t);
  const { status, stderr } = await cli.run(
    ...[...FETCH, '--repo', bad.url, '--repo', good.url, '--max-requests', '2', '--json'],
  );
  t.is(status, 17, stderr);
  t.is(bad.log.length + good.log.length, 2);
});

test('a file of headers goes with every request, and without one the CDN refuses', async (t) => {
  const cdn = await host(t);
  const cli = await createCli(t);
  await writeFile(join(cli.directory, 'headers'), 'Authorization: Bearer tops3cret\n');
  await report(t, cli, '--repo', cdn.url, '--header-file', 'headers');
  t.true(cdn.log.every(({ headers }) => headers.authorization === 'Bearer tops3cret'));
  await writeFile(join(cli.directory, 'headers'), 'Bearer tops3cret\n');
  const { status, stderr } = await cli.run(...FETCH, '--repo', cdn.url, '--header-file', 'headers');
  t.is(status, 1);
  t.regex(stderr, /^silt: line 1 of headers: expected a header/);
  t.false(stderr.includes('tops3cret'));
});

test('when every host fails, one line names them, without their secrets', async (t) => {
  const rules = [{ match: /./, fault: { kind: 'status', status: 403 } as const }];
  const [a, b] = [await host(t, rules), await host(t, rules)];
  const cli = await createCli(t);
  const { status, stderr } = await cli.run(
    ...[...FETCH, '--quiet', '--repo', `${a.url}?token=tops3cret`, '--repo', b.url],
  );
  t.is(status, 1);
  t.regex(stderr, /^silt: none of 2 places gave [^\n]+\n$/m);
  t.true(stderr.includes(a.url) && stderr.includes(b.url));
  t.false(stderr.includes('tops3cret'));
});
