import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openPublisherTrust } from '../../src/cli/ledger-options.ts';
import { openTrust } from '../../src/cli/open-trust.ts';
import { releaseRules } from '../../src/cli/release-rules.ts';
import { openContentKeys } from '../../src/cli/seal-options.ts';
import { tlsOptions } from '../../src/cli/tls-options.ts';
import { trustPolicy } from '../../src/cli/trust-options.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const usage = async (
  t: Parameters<typeof throwsSilt>[0],
  what: RegExp,
  work: () => unknown,
): Promise<void> => {
  const error = await throwsSilt(t, async () => await work(), 'USAGE');
  t.regex(error.message, what);
};

test('nobody is trusted by default', async (t) => {
  await usage(t, /--root FILE .*--insecure/, () => trustPolicy({}, {}));
  await usage(t, /--root FILE .*--insecure/, () => trustPolicy({}, { SILT_ROOT: '' }));
  await usage(t, /--keys DIR .*--insecure/, () => openPublisherTrust({}, {}));
  await usage(t, /--root FILE or --keys/, () => openPublisherTrust({ unsigned: 'stage' }, {}));
});

test('a root of trust is that of the option, else that of the environment', (t) => {
  t.deepEqual(trustPolicy({}, { SILT_ROOT: 'env.json' }), { mode: 'tuf', root: 'env.json' });
  t.deepEqual(trustPolicy({ root: 'a.json' }, { SILT_ROOT: 'env.json' }), { mode: 'tuf', root: 'a.json' });
  t.deepEqual(trustPolicy({ insecure: true }, { SILT_ROOT: 'env.json' }), { mode: 'insecure' });
});

test('certificates count only where they were asked for, and then anchors must be named', async (t) => {
  await usage(t, /--trust x509 or --trust both/, () =>
    trustPolicy({ root: 'a.json', anchors: 'ca.pem' }, {}),
  );
  await usage(t, /--anchors FILE with --trust x509/, () => trustPolicy({ trust: 'x509' }, {}));
  await usage(t, /--anchors FILE with --trust both/, () => trustPolicy({ trust: 'both', root: 'r' }, {}));
  await usage(t, /--root FILE/, () => trustPolicy({ trust: 'both', anchors: 'ca.pem' }, {}));
  const certificates = { anchors: 'ca.pem', intermediates: undefined, crls: [], purpose: 'codeSigning' };
  const x509 = trustPolicy({ trust: 'x509', anchors: 'ca.pem' }, {});
  t.deepEqual<unknown, unknown>(x509, { mode: 'x509', certificates });
  const both = trustPolicy({ trust: 'both', root: 'r', anchors: 'ca.pem' }, {});
  t.deepEqual<unknown, unknown>(both, { mode: 'both', root: 'r', certificates });
});

test('a root of trust that is none is told so', async (t) => {
  const directory = await temporaryDirectory(t);
  const options = { stateDirectory: directory };
  const root = join(directory, 'root.json');
  await throwsSilt(t, () => openTrust({ mode: 'tuf', root }, options), 'IO_FAILED');
  for (const text of [
    '',
    'null',
    '{"signed":{"_type":"targets"}}',
    '{"signed":{"_type":"root","roles":{}}}',
  ]) {
    await writeFile(root, text);
    const error = await throwsSilt(t, () => openTrust({ mode: 'tuf', root }, options), 'TRUST_MALFORMED');
    t.regex(error.message, /root\.json to be a root of TUF metadata/);
  }
});

test('options for TLS go with https, and a certificate with its key', async (t) => {
  t.is(await tlsOptions({}, './repo'), undefined);
  await usage(t, /https:\/\/ with the --tls options/, () =>
    tlsOptions({ tlsPin: ['sha256//AA=='] }, 'http://a/'),
  );
  await usage(t, /--tls-cert and --tls-key together/, () => tlsOptions({ tlsCert: 'a.pem' }, 'https://a/'));
  await usage(t, /--tls-cert and --tls-key together/, () => tlsOptions({ tlsKey: 'a.pem' }, 'https://a/'));
  t.deepEqual<unknown, unknown>(await tlsOptions({ tlsPin: ['sha256//AA=='] }, 'https://a/'), {
    pins: ['sha256//AA=='],
  });
});

test('a recipient is a certificate and its key, or else somebody with the secret', async (t) => {
  t.is(await openContentKeys({}), undefined);
  await usage(t, /--recipient-cert and --recipient-key/, () => openContentKeys({ recipientCert: 'a.pem' }));
  const both = { recipientCert: 'a.pem', recipientKey: 'b.pem', seal: 'seal.json' };
  await usage(t, /found both/, () => openContentKeys(both));
});

test('rules of a release are read from their options', async (t) => {
  const rules = await releaseRules({
    hardware: ['gw2:eu,us', 'gw3'],
    requiresRelease: '1.4.0',
    requiresSilt: '1.2.3',
    allowDowngradeFrom: ['1.3.0'],
  });
  t.deepEqual<unknown, unknown>(rules, {
    hardware: [{ name: 'gw2', variants: ['eu', 'us'] }, { name: 'gw3' }],
    requires: { version: '1.4.0', silt: '1.2.3' },
    allowDowngradeFrom: ['1.3.0'],
    sealing: undefined,
  });
  for (const hardware of ['', ':eu', 'gw2:', 'gw2:eu,', 'a:b:c', 'g w']) {
    await usage(t, /--hardware to be such as/, () => releaseRules({ hardware: [hardware] }));
  }
  await usage(t, /--seal together with at least one --recipient/, () => releaseRules({ seal: 'seal.json' }));
  await usage(t, /--seal together with at least one --recipient/, () =>
    releaseRules({ recipient: ['a.pem'] }),
  );
});
