import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import type { ReleaseSource } from '../../../src/device/update/device.ts';
import { Sources } from '../../../src/device/update/sources.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

test('a mistake in what is configured for one repository makes no final failure of one that may pass', async (t) => {
  const store = {
    ...memoryStore(),
    location: 'first',
    get: () => Promise.reject(new SiltError('NETWORK', 'no answer', { transient: true })),
  };
  const told: string[] = [];
  const sources = new Sources({
    locations: ['https://first.example.com/', 'https://second.example.com/'],
    open: async (location) => {
      if (location.includes('second')) throw new SiltError('USAGE', 'expected headers, found none');
      return { store, close: async () => {} } as unknown as ReleaseSource;
    },
    onFailure: (_location, { message }) => void told.push(message),
  });
  t.teardown(() => sources.close());
  const { store: together } = await sources.together();
  const error = await throwsSilt(t, () => together.get('packs/a', { maxBytes: 1 }), 'NETWORK');
  t.true(error.transient);
  t.true(told.length > 0);
});
