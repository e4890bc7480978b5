/**
 * Metadata that was changed on its way, or is wrong although it is signed: never accepted in the first case,
 * never more than an error of trust in both, and nothing of it stays.
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { isSiltError } from '../../../src/core/errors.ts';
import { refresh } from '../../../src/trust/tuf/client.ts';
import { canonicalJson } from '../../support/canonical-json-olpc.ts';
import { byteMutation, jsonMutation, type Mutation } from '../../support/metadata-mutations.ts';
import { OpenState } from '../../support/tuf-device.ts';
import { type Envelope, TufRepository } from '../../support/tuf-repository.ts';

const ROLES = ['root', 'timestamp', 'snapshot', 'targets', 'product'];

/** Which kept files belong to a role and to those that come after it. */
function fromRole(state: OpenState, role: string): Record<string, string | undefined> {
  const image = state.image();
  return Object.fromEntries(ROLES.slice(ROLES.indexOf(role)).map((one) => [one, image[`${one}.json`]]));
}

/** Version 1 is what the device knows, version 2 of everything is served; the hashes are not in the way. */
function updated(metaHashes: boolean): { repository: TufRepository; seen: () => Promise<OpenState> } {
  const repository = new TufRepository({ metaHashes });
  repository.delegate('targets', 'product', { paths: ['p/*'] });
  repository.addTarget('product', 'p/1', Buffer.from('one'));
  repository.publish('product', 'targets', 'snapshot', 'timestamp');
  const early = new Map(repository.objects);
  repository.addTarget('product', 'p/2', Buffer.from('two'));
  repository.publish('product', 'targets', 'snapshot', 'timestamp', 'root');
  const factoryRoot = repository.rootBytes(1);
  const seen = async (): Promise<OpenState> => {
    const state = new OpenState();
    const now = (): Date => repository.now;
    const store = { location: 'memory:', get: async (key: string) => atKey(early, key) };
    await (await refresh({ store, state, factoryRoot, now })).findTarget('p/1');
    return state;
  };
  return { repository, seen };
}

function atKey(objects: ReadonlyMap<string, Uint8Array>, key: string): { bytes: Uint8Array } | undefined {
  const bytes = objects.get(key);
  return bytes && { bytes };
}

function keyOf(repository: TufRepository, role: string): string {
  const { version } = repository.signed.get(role) as { version: number };
  return `metadata/${role === 'timestamp' ? '' : `${version}.`}${role}.json`;
}

/** The run of a device that knows version 1 and is served `objects`; the error, if any, is checked. */
async function run(
  t: ExecutionContext,
  repository: TufRepository,
  state: OpenState,
  objects: ReadonlyMap<string, Uint8Array>,
): Promise<'accepted' | 'refused'> {
  const store = {
    location: 'memory:',
    async get(key: string, { maxBytes }: { readonly maxBytes: number }) {
      const found = atKey(objects, key);
      return found && { bytes: found.bytes.subarray(0, Math.min(found.bytes.length, maxBytes + 1)) };
    },
  };
  try {
    const options = { store, state, factoryRoot: repository.rootBytes(1), now: () => repository.now };
    const trusted = await refresh(options);
    return (await trusted.findTarget('p/2')) === undefined ? 'refused' : 'accepted';
  } catch (error) {
    if (!isSiltError(error) || !/^(TRUST_|OBJECT_MISSING$)/.test(error.code)) {
      t.fail(error instanceof Error ? error.stack : String(error));
    }
    return 'refused';
  }
}

/** The signed part as the client should understand it, or `undefined`. */
function signedPart(bytes: Uint8Array): string | undefined {
  try {
    return canonicalJson((JSON.parse(Buffer.from(bytes).toString()) as Envelope).signed);
  } catch {
    return undefined;
  }
}

for (const role of ROLES) {
  for (const [kind, mutation] of [
    ['bytes', byteMutation],
    ['members', jsonMutation],
  ] as const) {
    test(`${role}: changed ${kind} are never accepted and leave nothing behind`, async (t) => {
      const worlds = [updated(false), updated(true)] as const;
      const states = [await worlds[0].seen(), await worlds[1].seen()] as const;
      let accepted = 0;
      await fc.assert(
        fc.asyncProperty(mutation, fc.constantFrom(0, 0, 0, 1), async (mutate: Mutation, which: 0 | 1) => {
          const { repository } = worlds[which];
          const key = keyOf(repository, role);
          const original = repository.objects.get(key) as Uint8Array;
          const bytes = mutate(original);
          fc.pre(Buffer.compare(bytes, original) !== 0);
          const state = states[which].copy();
          const before = fromRole(state, role);
          const result = await run(t, repository, state, new Map(repository.objects).set(key, bytes));
          const after = fromRole(state, role);
          if (result === 'refused') {
            // Root alone is asked for before what is already there, so nothing new can hide behind it.
            if (after[role] !== Buffer.from(bytes).toString('base64')) t.deepEqual(after, before);
            else t.is(signedPart(bytes), signedPart(original));
            return;
          }
          accepted += 1;
          t.is(signedPart(bytes), signedPart(original));
        }),
        { seed: 20261122, numRuns: 100 },
      );
      // White space, or a signature more or less, changes nothing; everything else does.
      t.true(accepted < 25, `${accepted} accepted`);
    });
  }

  test(`${role}: signed nonsense is refused or understood, never worse`, async (t) => {
    const { repository, seen } = updated(false);
    const known = await seen();
    const key = keyOf(repository, role);
    const original = repository.objects.get(key) as Uint8Array;
    await fc.assert(
      fc.asyncProperty(jsonMutation, async (mutate) => {
        const bytes = signedAnew(repository, role, mutate(original));
        const state = known.copy();
        const before = fromRole(state, role);
        const result = await run(t, repository, state, new Map(repository.objects).set(key, bytes));
        const after = fromRole(state, role);
        if (result === 'refused' && after[role] === before[role]) t.deepEqual(after, before);
        t.pass();
      }),
      { seed: 20261122, numRuns: 150 },
    );
  });
}

/** Signed by those who may, whatever it says; as it is when that has no canonical form. */
function signedAnew(repository: TufRepository, role: string, bytes: Uint8Array): Uint8Array {
  try {
    const { signed } = JSON.parse(Buffer.from(bytes).toString()) as Envelope;
    const signatures = repository.signaturesOf(signed, repository.signers.get(role) ?? []);
    return Buffer.from(JSON.stringify({ signatures, signed }));
  } catch {
    return bytes;
  }
}
