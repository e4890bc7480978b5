/** What the channel says while an update is under way: moved, published anew, pinned by an operator. */
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import { deskImages } from '../../support/desk-device.ts';
import { inUse, outcomeOf, told, updatingDesk } from '../../support/updating-desk.ts';

test('a release that is recalled while it waits to be installed is let go, and is not blocked', async (t) => {
  const desk = await updatingDesk(t, { hooks: { defer: () => 'later' } });
  t.is(outcomeOf(await desk.run()), 'waiting preInstall');
  await desk.point('1.0');

  const result = await desk.run();

  // 1.0 as the repository has it is begun at once; that it came from the factory is not known.
  t.is(outcomeOf(result), 'waiting preInstall');
  t.is(result.release?.version, '1.0');
  t.deepEqual(told(desk), ['started', 'failed', 'started']);
  t.deepEqual((await desk.state()).blocked, []);
  t.is((await desk.state()).retry, undefined);
  const next = desk.again({ hooks: {} });
  t.is((await next.settle()).outcome, 'updated');
  t.like((await next.state()).installed, { version: '1.0' });
  await desk.point('2.0');
  t.is((await next.settle()).outcome, 'updated');
  t.is(await inUse(next), '2.0 2.0 2.0');
});

test('a release that is recalled after it was installed is rolled back before it is put in use', async (t) => {
  const desk = await updatingDesk(t, {
    hooks: { defer: ({ phase }) => (phase === 'activate' ? 'later' : 'done') },
  });
  t.is(outcomeOf(await desk.run()), 'waiting activate');
  await desk.publish('3.0');

  const result = await desk.run();

  t.is(outcomeOf(result), 'waiting activate');
  t.is(result.release?.version, '3.0');
  t.deepEqual(told(desk), ['started', 'failed', 'rolledBack', 'started']);
  t.is(await inUse(desk), '1.0 1.0 none');
  t.deepEqual((await desk.state()).blocked, []);
  const next = desk.again({ hooks: {} });
  t.is((await next.settle()).outcome, 'updated');
  t.is(await inUse(next), '3.0 3.0 3.0');
});

test('a release that is published while another is fetched is fetched instead, in the same run', async (t) => {
  const controller = new AbortController();
  const desk = await updatingDesk(t);
  const stop = (): void => controller.abort(new Error('switched off'));
  await t.throwsAsync(desk.run({ signal: controller.signal, onProgress: stop }), { message: 'switched off' });
  t.like((await desk.state()).update, { phase: 'fetch', release: { version: '2.0' } });
  await desk.publish('3.0');

  t.is((await desk.settle()).outcome, 'updated');

  t.is(await inUse(desk), '3.0 3.0 3.0');
  t.deepEqual(
    desk.events.map(({ kind, version, code }) => `${kind} ${version} ${code ?? ''}`.trim()),
    ['started 2.0', 'failed 2.0 NOT_ELIGIBLE', 'started 3.0', 'installed 3.0', 'booted 3.0', 'healthy 3.0'],
  );
});

test('a channel that goes back to what is installed ends the update that is being fetched', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  await desk.publish('3.0');
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error('switched off'));
  await t.throwsAsync(desk.run({ signal: controller.signal, onProgress: stop }));
  await desk.point('2.0');

  t.is((await desk.run()).outcome, 'upToDate');
  t.like((await desk.state()).lastUpdate, { version: '3.0', outcome: 'failed' });
  t.is(await inUse(desk), '2.0 2.0 2.0');
});

test('a channel that goes to a release that did not stay does not begin it again by way of another', async (t) => {
  const desk = await updatingDesk(t, {
    hooks: {
      health() {
        throw new SiltError('HOOK_FAILED', 'no');
      },
    },
  });
  t.is((await desk.settle()).outcome, 'rolledBack');
  await desk.publish('3.0');
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error('switched off'));
  await t.throwsAsync(desk.run({ signal: controller.signal, onProgress: stop }));
  await desk.point('2.0');

  const result = await desk.run();
  t.is(result.outcome, 'waiting');
  t.regex(result.reason ?? '', /was given up/);
});

test('the same version with another manifest is another release', async (t) => {
  let isSignedAnew = false;
  const desk = await updatingDesk(t, {
    hooks: { defer: () => (isSignedAnew ? 'done' : 'later') },
    wrapSource: (source) => ({
      ...source,
      releases: (store) => {
        const releases = source.releases(store);
        return {
          ...releases,
          async open(product, selector, options) {
            const release = await releases.open(product, selector, options);
            const bytes = Buffer.concat([release.bytes, Buffer.from('\n')]);
            return isSignedAnew ? { ...release, bytes } : release;
          },
        };
      },
    }),
  });
  t.is(outcomeOf(await desk.run()), 'waiting preInstall');
  isSignedAnew = true;

  const before = (await desk.state()).update?.id;
  const result = await desk.run();
  t.is(result.outcome, 'rebooting');
  t.not((await desk.state()).update?.id, before);
  t.is((await desk.settle()).outcome, 'updated');
});

test('a version that an operator asks for is kept to by the runs after it, whatever the channel says', async (t) => {
  const desk = await updatingDesk(t, { hooks: { defer: () => 'later' } });
  await desk.publish('3.0');
  t.is(outcomeOf(await desk.run({ version: '2.0' })), 'waiting preInstall');
  t.is(outcomeOf(await desk.run()), 'waiting preInstall');

  const next = desk.again({ hooks: {} });
  t.is((await next.settle()).outcome, 'updated');
  t.is(await inUse(next), '2.0 2.0 2.0');
  t.is((await next.settle()).outcome, 'updated');
  t.is(await inUse(next), '3.0 3.0 3.0');
});

test('an update that is under way goes on without a network, and asks nobody', async (t) => {
  const desk = await updatingDesk(t, { hooks: { defer: () => 'later' } });
  await desk.run();
  const next = desk.again({
    hooks: {},
    wrapSource() {
      throw new SiltError('NETWORK', 'the line is down');
    },
  });

  t.is((await next.settle()).outcome, 'updated');
  t.is(await inUse(next), '2.0 2.0 2.0');
  await t.throwsAsync(next.run(), { message: 'the line is down' });
  t.is((await next.run()).outcome, 'waiting');
  t.is((await next.run({ offline: true, now: true })).outcome, 'upToDate');
});

test('a slot that is being overwritten is not offered as the previous system any more', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  await desk.publish('3.0');
  await desk.settle();
  t.like((await desk.state()).previous, { version: '2.0', slot: 'B' });
  await desk.publish('4.0', deskImages('4.0'));
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error('switched off'));
  await t.throwsAsync(desk.run({ signal: controller.signal, onProgress: stop }));

  t.is((await desk.state()).previous, undefined);
});
