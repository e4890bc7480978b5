import {
  appendFileSync,
  closeSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { publish } from '../../src/publisher/publish.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { FAST, type PublishBench, publishBench } from '../support/publish-bench.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { repositoryObjects } from '../support/repository-objects.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { withBeforePut } from '../support/with-before-put.ts';

const SIZE = 20 * MiB;
const content = seededBytes('changing', SIZE);

/** Synchronous, so that the publisher has not gone on when it is done. */
type Change = (path: string) => void;

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

const changes: Readonly<Record<string, Change>> = {
  truncated: (path) => truncateSync(path, SIZE - 1),
  'truncated to nothing': (path) => truncateSync(path, 0),
  appended: (path) => appendFileSync(path, 'x'),
  'overwritten where it was read': (path) => overwrite(path, 1000, seededBytes('over', 10)),
  'overwritten where it will be read': (path) => overwrite(path, SIZE - 1000, seededBytes('over', 10)),
  'written to without a change of its bytes': (path) => overwrite(path, 0, content.subarray(0, 1)),
  replaced: (path) => {
    writeFileSync(`${path}.new`, seededBytes('replacing', SIZE));
    renameSync(`${path}.new`, path);
  },
  removed: (path) => rmSync(path),
};

/** Nothing may be seen of the release; data that nobody refers to may stay. */
async function requireInvisible(t: ExecutionContext<unknown>, { store }: PublishBench): Promise<void> {
  const keys = Object.keys(await repositoryObjects(store));
  t.deepEqual(
    keys.filter((key) => !key.startsWith('packs/')),
    [],
  );
}

for (const [what, change] of Object.entries(changes)) {
  test(`an image that is ${what} while it is packed is not published`, async (t) => {
    const bench = await publishBench(t);
    const path = await bench.file('image', content);
    let changed = false;
    const onProgress = () => {
      if (!changed) change(path);
      changed = true;
    };
    const failed = () => bench.publish('1', { a: path }, { workers: 2, onProgress });
    const error = await throwsSilt(t, failed, 'IMAGE_CHANGED');
    t.true(error.message.includes(path), error.message);
    await requireInvisible(t, bench);
  });
}

for (const what of ['truncated', 'appended', 'overwritten where it was read', 'replaced']) {
  test(`an image that is ${what} before its turn is not published`, async (t) => {
    const bench = await publishBench(t);
    const images = [
      { name: 'a', path: await bench.file('a', seededBytes('a', 1000)) },
      { name: 'b', path: await bench.file('b', content) },
    ];
    const ledger = openLedger(bench.store);
    const failed = () =>
      publish(
        bench.store,
        {
          ...ledger,
          // Asked once all images are open.
          async *all(options) {
            changes[what]!(images[1]!.path);
            yield* ledger.all(options);
          },
        },
        { ...FAST, product: 'os', version: '1', images, temporaryDirectory: bench.directory },
      );
    const error = await throwsSilt(t, failed, 'IMAGE_CHANGED');
    t.is(error.details.path, images[1]!.path);
    await requireInvisible(t, bench);
  });
}

test('what happens to an image once all of it is read does no harm', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('image', content.subarray(0, MiB));
  const store = withBeforePut(bench.store, (key) =>
    key.startsWith('indexes/') ? truncateSync(path, 10) : undefined,
  );
  const { manifest } = await bench.publish('1', { a: path }, {}, store);
  t.is((await rebuildImage(bench.store, manifest.images[0]!)).length, MiB);
});
