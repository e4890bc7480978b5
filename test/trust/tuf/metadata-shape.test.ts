import test from 'ava';
import { throwsSilt } from '../../support/throws-silt.ts';
import { TufDevice } from '../../support/tuf-device.ts';
import { type Envelope, type Signed, TufRepository } from '../../support/tuf-repository.ts';

type Edit = (signed: Signed) => void;

/** Holds a device to refusing `role` when it is edited so, with all signatures right. */
async function refuses(t: Parameters<typeof throwsSilt>[0], role: string, edit: Edit): Promise<void> {
  const repository = new TufRepository();
  repository.delegate('targets', 'part', { paths: ['*'] });
  repository.publish('part', 'targets', 'snapshot', 'timestamp');
  const device = new TufDevice(repository);
  await device.download('x');
  const before = device.state.image()[`${role}.json`];
  const signed = repository.signed.get(role) as Signed;
  const version = signed.version + 1;
  signed.version = version;
  edit(signed);
  repository.store(role, repository.envelope(role), version);
  signed.version = version;
  if (role === 'targets' || role === 'part') repository.publish('snapshot');
  if (role !== 'root' && role !== 'timestamp') repository.publish('timestamp');
  const error = await throwsSilt(t, () => device.download('x'), 'TRUST_MALFORMED');
  t.true(error.message.startsWith(`${role}: `), error.message);
  t.is(device.state.image()[`${role}.json`], before);
}

const put =
  (path: string, value: unknown): Edit =>
  (signed) => {
    const names = path.split('/');
    const last = names.pop() as string;
    let at = signed as Record<string, unknown>;
    for (const name of names) at = at[name] as Record<string, unknown>;
    if (value === undefined) delete at[last];
    else at[last] = value;
  };

const ALL = ['root', 'timestamp', 'snapshot', 'targets', 'part'];

for (const expires of [
  'garbage',
  '',
  7,
  null,
  undefined,
  '2030-01-01',
  '2030-01-01T00:00:00',
  '2030-01-01T00:00:00+00:00',
  '2030-01-01T00:00:00.000Z',
  '2030-02-30T00:00:00Z',
  '2030-13-01T00:00:00Z',
  '2030-01-01T25:00:00Z',
  ' 2030-01-01T00:00:00Z',
  '+012030-01-01T00:00:00Z',
]) {
  test(`"expires" of ${JSON.stringify(expires)} is no time`, async (t) => {
    for (const role of ALL) await refuses(t, role, put('expires', expires));
  });
}

for (const version of [0, -1, '2', null, undefined, [2], true]) {
  test(`"version" of ${JSON.stringify(version)} is no version`, async (t) => {
    for (const role of ALL) await refuses(t, role, put('version', version));
  });
}

for (const spec of ['2.0.0', '1', '', 1, undefined, '1.x', '1.0.0.0', '0.9.0']) {
  test(`"spec_version" of ${JSON.stringify(spec)} is not read`, async (t) => {
    for (const role of ALL) await refuses(t, role, put('spec_version', spec));
  });
}

test('the type of a role is that of its name', async (t) => {
  for (const role of ALL) {
    await refuses(t, role, put('_type', role === 'snapshot' ? 'timestamp' : 'snapshot'));
    await refuses(t, role, put('_type', undefined));
  }
});

const shapes: Readonly<Record<string, readonly (readonly [string, unknown])[]>> = {
  root: [
    ['keys', undefined],
    ['keys', []],
    ['keys/x', null],
    ['keys/x', { keytype: 'ed25519' }],
    ['keys/x', { keytype: 1, scheme: 'x', keyval: {} }],
    ['roles', undefined],
    ['roles', {}],
    ['roles/timestamp', undefined],
    ['roles/snapshot/threshold', 0],
    ['roles/snapshot/threshold', '1'],
    ['roles/snapshot/threshold', undefined],
    ['roles/snapshot/keyids', 'x'],
    ['roles/snapshot/keyids', [1]],
    ['roles/snapshot/keyids', ['x', 'x']],
    ['roles/snapshot/keyids', Array.from({ length: 65 }, (_, at) => `${at}`)],
    ['consistent_snapshot', undefined],
    ['consistent_snapshot', 1],
  ],
  timestamp: [
    ['meta', undefined],
    ['meta', {}],
    ['meta', []],
    ['meta/snapshot.json', null],
    ['meta/snapshot.json/version', 0],
    ['meta/snapshot.json/version', '1'],
    ['meta/snapshot.json/length', -1],
    ['meta/snapshot.json/length', '1'],
    ['meta/snapshot.json/hashes', {}],
    ['meta/snapshot.json/hashes', { sha256: 1 }],
    ['meta/snapshot.json/hashes', { sha256: 'zz' }],
  ],
  snapshot: [
    ['meta', undefined],
    ['meta', {}],
    ['meta/targets.json', undefined],
    ['meta/targets.json/version', -1],
    ['meta/x.json', null],
    ['meta/x.json', { version: 1, hashes: [] }],
    [`meta/${'x'.repeat(600)}.json`, { version: 1 }],
  ],
  targets: [
    ['targets', undefined],
    ['targets', []],
    ['targets/x', null],
    ['targets/x', { length: 1 }],
    ['targets/x', { length: 1, hashes: {} }],
    ['targets/x', { length: -1, hashes: { sha256: 'ab' } }],
    ['targets/x', { hashes: { sha256: 'ab' } }],
    [`targets/${'x'.repeat(600)}`, { length: 1, hashes: { sha256: 'ab' } }],
    ['delegations', null],
    ['delegations', {}],
    ['delegations/keys', undefined],
    ['delegations/roles', undefined],
    ['delegations/roles', {}],
    ['delegations/roles', [null]],
    ['delegations/roles', [{ keyids: [], threshold: 1, terminating: true, paths: [] }]],
    ['delegations/roles/0/name', ''],
    ['delegations/roles/0/name', 'targets'],
    ['delegations/roles/0/name', 'x'.repeat(600)],
    ['delegations/roles/0/threshold', 0],
    ['delegations/roles/0/terminating', undefined],
    ['delegations/roles/0/paths', undefined],
    ['delegations/roles/0/paths', [1]],
    ['delegations/roles/0/paths', ['x'.repeat(600)]],
    ['delegations/roles/0/path_hash_prefixes', ['ab']],
    ['delegations/roles', Array.from({ length: 1025 }, (_, at) => ({ name: `${at}` }))],
    ['delegations/succinct_roles', { keyids: [], threshold: 1, bit_length: 4, name_prefix: 'x' }],
    [
      'delegations',
      { keys: {}, succinct_roles: { keyids: [], threshold: 1, bit_length: 99, name_prefix: 'x' } },
    ],
    ['delegations', { keys: {}, succinct_roles: { keyids: [], threshold: 1, bit_length: 4 } }],
  ],
};

for (const [role, edits] of Object.entries(shapes)) {
  for (const [path, value] of edits) {
    const shown = (JSON.stringify(value) ?? 'missing').slice(0, 120);
    test(`${role}: "${path.slice(0, 40)}" cannot be ${shown}`, async (t) => {
      await refuses(t, role, put(path, value));
    });
  }
}

test('a role delegated twice is refused', async (t) => {
  await refuses(t, 'targets', (signed) => {
    const { roles } = signed.delegations as { roles: unknown[] };
    roles.push(structuredClone(roles[0]));
  });
});

/** Envelopes that are refused before anything signed is looked at. */
const envelopes: Readonly<Record<string, (envelope: Envelope, text: string) => unknown>> = {
  'no JSON': () => '{',
  nothing: () => '',
  'no UTF-8': (_, text) => Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff, 0x7d])]),
  'a list': (envelope) => [envelope],
  null: () => null,
  'no signatures': ({ signed }) => ({ signed }),
  'signatures that are no list': ({ signed }) => ({ signed, signatures: {} }),
  'a signature that is none': ({ signed }) => ({ signed, signatures: [null] }),
  'a signature without a key id': ({ signed }) => ({ signed, signatures: [{ sig: 'ab' }] }),
  'a signature that is a number': ({ signed }) => ({ signed, signatures: [{ keyid: 'x', sig: 7 }] }),
  'an endless signature': ({ signed }) => ({ signed, signatures: [{ keyid: 'x', sig: 'a'.repeat(9000) }] }),
  'two signatures by one key': ({ signed, signatures }) => ({
    signed,
    signatures: [...signatures, ...signatures],
  }),
  'more signatures than 64': ({ signed }) => ({
    signed,
    signatures: Array.from({ length: 65 }, (_, at) => ({ keyid: `${at}`, sig: 'ab' })),
  }),
  'nothing signed': ({ signatures }) => ({ signatures }),
  'a list signed': ({ signatures }) => ({ signatures, signed: [] }),
  'a fraction': (_, text) => text.replace('"version": 2', '"version": 2.5'),
  'a number beyond 2^53': (_, text) => text.replace('"version": 2', '"version": 9007199254740993'),
  'a number that is infinite': (_, text) => text.replace('"version": 2', '"version": 1e999'),
  'half a character': (_, text) => text.replace('"_type"', '"x":"\\ud800","_type"'),
  'half a character in a name': (_, text) => text.replace('"_type"', '"\\ud800":1,"_type"'),
  'a member called __proto__': (_, text) => text.replace('"_type"', '"__proto__":{"a":1},"_type"'),
  'a nesting without end': (_, text) =>
    text.replace('"_type"', `"x":${'['.repeat(3000)}${']'.repeat(3000)},"_type"`),
};

for (const [what, edit] of Object.entries(envelopes)) {
  test(`metadata with ${what} is malformed`, async (t) => {
    const repository = new TufRepository();
    const device = new TufDevice(repository);
    await device.refresh();
    const before = device.state.image();
    repository.timestamp.version += 1;
    const envelope = repository.envelope('timestamp');
    const edited = edit(envelope, JSON.stringify(envelope, null, 1));
    const bytes =
      edited instanceof Uint8Array || typeof edited === 'string'
        ? Buffer.from(edited)
        : Buffer.from(JSON.stringify(edited));
    repository.objects.set('metadata/timestamp.json', bytes);
    await throwsSilt(t, () => device.refresh(), 'TRUST_MALFORMED');
    t.deepEqual(device.state.image(), before);
  });
}

test('members that every object has do no harm as names of keys, roles and targets', async (t) => {
  const repository = new TufRepository();
  for (const name of ['constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf']) {
    repository.delegate('targets', name, { paths: [`${name}*`] });
    repository.addTarget(name, name, Buffer.from(name));
    repository.publish(name);
  }
  repository.publish('targets', 'snapshot', 'timestamp');
  const device = new TufDevice(repository);
  t.is(await device.download('isPrototypeOf'), undefined);
  for (const name of ['constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf']) {
    t.is(Buffer.from((await device.download(name)) ?? []).toString(), name);
  }
});

test('signatures by key ids that every object has count for nothing', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.timestamp.version += 1;
  const envelope = repository.envelope('timestamp');
  envelope.signatures = ['constructor', 'toString', 'valueOf'].map((keyid) => ({ keyid, sig: 'ab' }));
  repository.store('timestamp', envelope);
  await throwsSilt(t, () => device.refresh(), 'TRUST_UNKNOWN_KEY');
});

test('a role of twenty thousand targets is read', async (t) => {
  const repository = new TufRepository();
  for (let at = 0; at < 20_000; at += 1) {
    repository.targets.targets[`${at}`] = { length: 1, hashes: { sha256: 'ab'.repeat(32) } };
  }
  repository.publish('targets', 'snapshot', 'timestamp');
  const trusted = await new TufDevice(repository).refresh();
  t.is(Object.keys(trusted.targets.signed.targets).length, 20_000);
});

test('roles are searched in the order in which they stand, whatever they are called', async (t) => {
  const repository = new TufRepository();
  for (const name of ['10', '2', 'b', 'a', '1']) {
    repository.delegate('targets', name);
    repository.publish(name);
  }
  repository.publish('targets', 'snapshot', 'timestamp');
  const device = new TufDevice(repository);
  repository.askedFor();
  await device.download('nothing');
  t.deepEqual(repository.askedFor().slice(4), ['1.10', '1.2', '1.b', '1.a', '1.1']);
});
