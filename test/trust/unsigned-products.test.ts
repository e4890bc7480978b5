import test from 'ava';
import { sha256Hex } from '../../src/core/digest.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { listProducts } from '../../src/trust/unsigned-products.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('every product is listed with its channels and its releases, oldest first', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  const ledger = openLedger(store);
  const sha256 = sha256Hex(new Uint8Array());
  const images = [{ name: 'a', size: 0, sha256, index: { sha256, size: 1, head: { sha256, size: 1 } } }];
  const created = '2026-01-02T03:04:05.678Z';
  await ledger.add({ product: 'os', version: '2', created, images }, { channel: 'stable' });
  await ledger.add({ product: 'constructor', version: 'x', created, images });
  await ledger.add({ product: 'os', version: '1', created, images });
  t.deepEqual(await listProducts(store), [
    { product: 'constructor', channels: {}, releases: [{ version: 'x', counter: 1 }] },
    {
      product: 'os',
      channels: { stable: '2' },
      releases: [
        { version: '2', counter: 1 },
        { version: '1', counter: 2 },
      ],
    },
  ]);
});

test('a directory without a catalog is no repository', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  await throwsSilt(t, () => listProducts(store), 'NOT_A_REPOSITORY');
});
