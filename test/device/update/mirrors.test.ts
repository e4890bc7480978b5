/** Several repositories as the copies that they are: an update goes on at the next one in the middle of an object. */
import test, { type ExecutionContext } from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import type { ReleaseSource } from '../../../src/device/update/device.ts';
import { runUpdate } from '../../../src/device/update/run-update.ts';
import type { ReadStore } from '../../../src/store/store.ts';
import type { Releases } from '../../../src/trust/releases.ts';
import type { Desk } from '../../support/desk-device.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { inUse, outcomeOf, updatingDesk, writeRepository } from '../../support/updating-desk.ts';

/** What was asked of a repository, and what it gave. */
interface Mirror {
  readonly location: string;
  readonly keys: string[];
  /** Of packs, as `key offset`, a kibibyte each. */
  readonly given: string[];
}

interface Behaviour {
  /** Bytes of packs after which it is down. */
  readonly diesAfter?: number;
  /** Every pack is altered. */
  readonly isDamaged?: boolean;
  readonly releases?: (releases: Releases) => Releases;
}

/** Two copies of one repository; the first one behaves as it is told to. */
async function twoMirrors(
  t: ExecutionContext<unknown>,
  behaviour: Behaviour,
): Promise<{ desk: Desk; first: Mirror; second: Mirror }> {
  const mirrors: Mirror[] = [];
  for (let i = 0; i < 2; i++) {
    const location = await writeRepository(t, await temporaryDirectory(t));
    mirrors.push({ location, keys: [], given: [] });
  }
  const [first, second] = mirrors as [Mirror, Mirror];
  const desk = await updatingDesk(t, {
    repositories: [first.location, second.location],
    wrapSource: (source) => {
      const mirror = source.location === first.location ? first : second;
      return watched(source, mirror, mirror === first ? behaviour : {});
    },
  });
  return { desk, first, second };
}

function watched(source: ReleaseSource, mirror: Mirror, behaviour: Behaviour): ReleaseSource {
  const { diesAfter = Number.POSITIVE_INFINITY, isDamaged = false, releases = (all) => all } = behaviour;
  let bytes = 0;
  const ask = (key: string): void => {
    mirror.keys.push(key);
    if (bytes >= diesAfter) throw new SiltError('NETWORK', 'the line is down', { transient: true });
  };
  const { store } = source;
  const watching: ReadStore = {
    location: store.location,
    get: async (key, options) => {
      ask(key);
      return await store.get(key, options);
    },
    has: async (key, options) => {
      ask(key);
      return await store.has(key, options);
    },
    async *getRange(key, range, options) {
      ask(key);
      const isPack = key.startsWith('packs/');
      let at = range.offset;
      for await (const block of store.getRange(key, range, options)) {
        for (let from = 0; from < block.length; from += 1024) {
          const piece = Uint8Array.from(block.subarray(from, from + 1024));
          if (isPack && isDamaged) piece[0] = (piece[0] ?? 0) ^ 1;
          if (isPack) mirror.given.push(`${key} ${at}`);
          at += piece.length;
          yield piece;
          if (isPack) bytes += piece.length;
          if (bytes >= diesAfter) throw new SiltError('NETWORK', 'the line is down', { transient: true });
        }
      }
    },
    close: () => store.close(),
  };
  return { ...source, store: watching, releases: (reader) => releases(source.releases(reader)) };
}

const passedBy = ({ log }: Desk): string[] =>
  log.filter(({ topic }) => topic === 'repository').map(({ data }) => `${data?.code} ${data?.location}`);

test('where a mirror dies half way through an object, the next one goes on at that byte', async (t) => {
  const { desk: other, first: whole } = await twoMirrors(t, {});
  const { bytesFetched } = await other.run();
  const { desk, first, second } = await twoMirrors(t, { diesAfter: 2048 });

  const result = await desk.run();

  t.is(outcomeOf(result), 'rebooting reboot');
  t.is(first.given.length, 2);
  t.is(result.bytesFetched, bytesFetched, 'nothing came twice');
  t.deepEqual([...first.given, ...second.given].sort(), [...whole.given].sort());
  t.deepEqual(passedBy(desk), [`NETWORK ${first.location}`]);
  t.is((await desk.settle()).outcome, 'updated');
  t.is(await inUse(desk), '2.0 2.0 2.0');
});

test('a mirror that has died is not asked again for each of the objects that follow', async (t) => {
  const { desk, first } = await twoMirrors(t, { diesAfter: 1024 });

  await desk.run();

  const died = first.keys.findIndex((key) => key.startsWith('packs/'));
  t.true(died >= 0);
  t.is(first.keys.length, died + 1, first.keys.slice(died).join());
});

test('one whose objects are altered is left for the next one, and what was right of it is kept', async (t) => {
  const { desk, first, second } = await twoMirrors(t, { isDamaged: true });

  t.is((await desk.settle()).outcome, 'updated');

  t.is(await inUse(desk), '2.0 2.0 2.0');
  t.true(first.given.length > 0);
  t.true(second.given.length > 0);
});

test('one with keys of its own, or that is behind, is asked for no object once another has answered', async (t) => {
  for (const code of ['TRUST_THRESHOLD', 'RELEASE_NOT_FOUND'] as const) {
    const stranger = (releases: Releases): Releases => ({
      ...releases,
      open: async () => {
        throw new SiltError(code, 'not what was looked for');
      },
    });
    const { desk, first, second } = await twoMirrors(t, { releases: stranger });

    t.is(outcomeOf(await desk.run()), 'rebooting reboot');

    t.deepEqual(first.keys, [], code);
    t.is((await desk.state()).lastCheck?.repository, second.location);
    t.deepEqual(passedBy(desk), [`${code} ${first.location}`]);
  }
});

test('of several, each is asked once before any is asked twice', async (t) => {
  const asked: string[] = [];
  let isDown = true;
  const { desk, first, second } = await twoMirrors(t, {});
  const { openSource } = desk.device;
  const device = {
    ...desk.device,
    openSource: async (location: string): Promise<ReleaseSource> => {
      const source = await openSource(location);
      return {
        ...source,
        releases: (reader) => ({
          ...source.releases(reader),
          open: async (...question) => {
            asked.push(location);
            if (!isDown) return await source.releases(reader).open(...question);
            isDown = asked.length < 2;
            throw new SiltError('NETWORK', 'a blip', { transient: true });
          },
        }),
      };
    },
  };
  t.is(outcomeOf(await runUpdate(device)), 'rebooting reboot');
  t.deepEqual(asked, [first.location, second.location, first.location]);
});
