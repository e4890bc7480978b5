/** Several repositories, none, and what may be fetched of them: failover, budgets, refusals. */
import test, { type ExecutionContext } from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import type { ReleaseSource } from '../../../src/device/update/device.ts';
import type { TrustedRelease } from '../../../src/trust/releases.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { inUse, outcomeOf, updatingDesk, writeRepository } from '../../support/updating-desk.ts';

const noBudget = { maxBytes: undefined, maxRequests: undefined, seconds: undefined };

async function twoRepositories(
  t: ExecutionContext<unknown>,
): Promise<{ readonly first: string; readonly second: string; readonly repositories: string[] }> {
  const first = await writeRepository(t, await temporaryDirectory(t));
  const second = await writeRepository(t, await temporaryDirectory(t));
  return { first, second, repositories: [first, second] };
}

/** The releases of `source`, changed. */
function changed(source: ReleaseSource, change: (release: TrustedRelease) => TrustedRelease): ReleaseSource {
  return {
    ...source,
    releases(store) {
      const releases = source.releases(store);
      return {
        ...releases,
        open: async (product, selector, options) => change(await releases.open(product, selector, options)),
      };
    },
  };
}

test('where the first repository is down, the second one serves', async (t) => {
  const { first, second, repositories } = await twoRepositories(t);
  const desk = await updatingDesk(t, {
    repositories,
    wrapSource(source) {
      if (source.location === first) throw new SiltError('NETWORK', 'the line is down');
      return source;
    },
  });

  t.is((await desk.settle()).outcome, 'updated');
  t.is((await desk.state()).lastCheck?.repository, second);
  t.true(desk.log.some(({ topic, data }) => topic === 'repository' && data?.code === 'NETWORK'));
});

for (const code of ['RELEASE_NOT_FOUND', 'TRUST_EXPIRED', 'MANIFEST_ALTERED', 'FORMAT_INVALID'] as const) {
  test(`where the first repository answers ${code}, the second one serves`, async (t) => {
    const { first, repositories } = await twoRepositories(t);
    const desk = await updatingDesk(t, {
      repositories,
      wrapSource: (source) =>
        source.location !== first
          ? source
          : changed(source, () => {
              throw new SiltError(code, 'not as it should be');
            }),
    });

    t.is((await desk.settle()).outcome, 'updated');
  });
}

test('a repository that has lost its packs is followed by the next one in the middle of fetching', async (t) => {
  const { first, repositories } = await twoRepositories(t);
  const desk = await updatingDesk(t, {
    repositories,
    wrapSource: (source) =>
      source.location !== first
        ? source
        : {
            ...source,
            store: {
              ...source.store,
              get: (key, options) => source.store.get(key, options),
              has: (key, options) => source.store.has(key, options),
              close: () => source.store.close(),
              // biome-ignore lint/correctness/useYield: it has nothing to give
              async *getRange(key) {
                throw new SiltError('OBJECT_MISSING', `there is no ${key}`);
              },
            },
          },
  });

  t.is((await desk.settle()).outcome, 'updated');
  t.is(await inUse(desk), '2.0 2.0 2.0');
});

test('where both are down, one error names both, and it is tried again later', async (t) => {
  const { first, second, repositories } = await twoRepositories(t);
  const desk = await updatingDesk(t, {
    repositories,
    wrapSource(source) {
      const code = source.location === first ? 'TRUST_EXPIRED' : 'NETWORK';
      throw new SiltError(code, code === 'NETWORK' ? 'the line is down' : 'it is stale', {
        transient: code === 'NETWORK',
      });
    },
  });

  const error = await throwsSilt(t, () => desk.run(), 'NETWORK');

  for (const part of [first, second, 'the line is down', 'it is stale'])
    t.true(error.message.includes(part), part);
  t.is((await desk.run()).outcome, 'waiting');
  t.is((await desk.state()).update, undefined);
});

for (const [code, manifest] of [
  ['NOT_COMPATIBLE', { hardware: [{ name: 'other' }] }],
  ['NOT_COMPATIBLE', { requires: { silt: '9.0.0' } }],
] as const) {
  test(`${code} because of ${Object.keys(manifest)[0]} is final: no other repository is asked`, async (t) => {
    const { repositories } = await twoRepositories(t);
    const asked: string[] = [];
    const desk = await updatingDesk(t, {
      repositories,
      wrapSource(source) {
        asked.push(source.location);
        return changed(source, (release) => ({
          ...release,
          manifest: { ...release.manifest, ...manifest } as TrustedRelease['manifest'],
        }));
      },
    });

    await throwsSilt(t, () => desk.run(), code);

    t.is(asked.length, 1);
    t.is((await desk.state()).update, undefined);
    t.deepEqual(desk.events, []);
  });
}

test('a downgrade is refused, and done where it was signed as an exception', async (t) => {
  let allowed: readonly number[] = [];
  const desk = await updatingDesk(t, {
    wrapSource: (source) => changed(source, (release) => ({ ...release, allowDowngradeFrom: [...allowed] })),
  });
  await desk.settle();
  await desk.point('1.0');

  await throwsSilt(t, () => desk.run(), 'DOWNGRADE_REFUSED');
  t.is(await inUse(desk), '2.0 2.0 2.0');
  allowed = [2];
  t.is((await desk.settle({ now: true })).outcome, 'updated');

  t.is(await inUse(desk), '1.0 1.0 1.0');
  t.is(await desk.floor(), 2);
  t.like((await desk.state()).installed, { version: '1.0', counter: 1 });
});

test('a budget of bytes ends the fetching before it is exceeded, and a larger one goes on', async (t) => {
  const desk = await updatingDesk(t, { config: { budgets: { ...noBudget, maxBytes: 12_000 } } });

  const result = await desk.run();

  t.is(outcomeOf(result), 'failed OVER_BUDGET');
  t.true(result.bytesFetched <= 12_000, `${result.bytesFetched}`);
  t.is((await desk.state()).blocked.length, 0);
  t.is((await desk.again({ config: {} }).settle({ now: true })).outcome, 'updated');
});

test('a budget of requests counts those of all components', async (t) => {
  const desk = await updatingDesk(t, { config: { budgets: { ...noBudget, maxRequests: 5 } } });

  const result = await desk.run();

  t.is(outcomeOf(result), 'failed OVER_BUDGET');
  t.true(result.requests <= 5, `${result.requests}`);
});

test('a budget of seconds ends a fetching that hangs', async (t) => {
  const desk = await updatingDesk(t, {
    config: { budgets: { ...noBudget, seconds: 0.01 } },
    wrapSource: (source) => ({
      ...source,
      store: {
        ...source.store,
        get: (key, options) => source.store.get(key, options),
        has: (key, options) => source.store.has(key, options),
        close: () => source.store.close(),
        async *getRange(_key, _range, options) {
          const hangs = Promise.withResolvers<never>();
          const signal = options?.signal;
          if (signal?.aborted === true) throw signal.reason;
          signal?.addEventListener('abort', () => hangs.reject(signal.reason));
          await hangs.promise;
        },
      },
    }),
  });

  const result = await desk.run();

  t.is(outcomeOf(result), 'failed OVER_BUDGET');
  t.regex(result.failure?.message ?? '', /longer than the budget/);
});

test('failing lines do not spend the tries of a release', async (t) => {
  let isDown = false;
  const desk = await updatingDesk(t, {
    wrapSource(source) {
      if (isDown) throw new SiltError('NETWORK', 'the line is down', { transient: true });
      return source;
    },
  });
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error('switched off'));
  await t.throwsAsync(desk.run({ signal: controller.signal, onProgress: stop }));
  isDown = true;

  for (let round = 0; round < 60; round++) {
    t.is(outcomeOf(await desk.run({ now: true })), 'waiting fetch NETWORK');
  }

  isDown = false;
  t.is((await desk.settle({ now: true })).outcome, 'updated');
  t.is(desk.events.filter(({ kind }) => kind === 'started').length, 1);
});
