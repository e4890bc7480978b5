/**
 * The repositories of a device's configuration, opened: the store, what is trusted of it, and how sealed releases
 * of it are opened. The same as `open-repository.ts` makes of options.
 *
 * @module
 */
import type { DeviceConfig } from '../device/config/device-config.ts';
import type { OpenSource } from '../device/update/device.ts';
import { openReadStore } from '../store/open.ts';
import { rememberingKeys } from './open-repository.ts';
import { openTrust } from './open-trust.ts';
import { openContentKeys } from './seal-options.ts';
import { type TlsFlags, type TlsNames, tlsOptions } from './tls-options.ts';
import type { CertificateFiles, TrustPolicy } from './trust-options.ts';

type TrustConfig = DeviceConfig['trust'];

const TRUST_NAMES = {
  root: 'trust.root',
  anchors: 'trust.anchors',
  intermediates: 'trust.intermediates',
  crls: 'trust.crls',
} as const;
const TLS_NAMES: TlsNames = { ca: 'trust.tls.ca', cert: 'trust.tls.cert', key: 'trust.tls.key' };
const RECIPIENT_NAMES = { cert: 'trust.recipient.cert', key: 'trust.recipient.key' } as const;

/** Files are read whenever a repository is opened, so that a new certificate counts from then on. */
export function sourceOpener(
  { trust, repositories, stateDirectory }: Pick<DeviceConfig, 'trust' | 'repositories' | 'stateDirectory'>,
  env: Readonly<Record<string, string | undefined>>,
): OpenSource {
  return async (location) => {
    const tls = await tlsFor(trust.tls, location);
    const { cert, key } = trust.recipient;
    const recipient = {
      ...(cert !== undefined && { recipientCert: cert }),
      ...(key !== undefined && { recipientKey: key }),
    };
    const contentKeys = await openContentKeys(recipient, RECIPIENT_NAMES);
    const { releases } = await openTrust(trustPolicyOf(trust), { stateDirectory, names: TRUST_NAMES });
    const store = await openReadStore(location, { env, ...(tls && { http: { tls } }) }, repositories);
    return {
      location,
      store,
      releases,
      contentKey: (from) => rememberingKeys(contentKeys, from),
      close: () => store.close(),
    };
  };
}

/** How the server is known, and who asks; of a repository without TLS nothing. */
export async function tlsFor(
  { ca, pins, cert, key }: TrustConfig['tls'],
  location: string,
): ReturnType<typeof tlsOptions> {
  if (!/^https:/i.test(location)) return undefined;
  const flags: TlsFlags = {
    ...(ca !== undefined && { tlsCa: ca }),
    ...(pins.length > 0 && { tlsPin: pins }),
    ...(cert !== undefined && { tlsCert: cert }),
    ...(key !== undefined && { tlsKey: key }),
  };
  return await tlsOptions(flags, location, TLS_NAMES);
}

/** Whom the configuration trusts; which members go with which policy was checked when it was read. */
function trustPolicyOf({ policy, root = '', anchors = '', ...rest }: TrustConfig): TrustPolicy {
  const { intermediates, crls, purpose } = rest;
  const certificates: CertificateFiles = { anchors, intermediates, crls, purpose };
  switch (policy) {
    case 'tuf':
      return { mode: 'tuf', root };
    case 'x509':
      return { mode: 'x509', certificates };
    case 'both':
      return { mode: 'both', root, certificates };
  }
}
