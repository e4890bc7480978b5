/**
 * Trust in the configuration: whom this device believes, how it knows the server, and for whom it unseals.
 *
 * @module
 */
import { checked, type Tell } from './kind.ts';
import { byDefault, listOf, optional, section, shape } from './shapes.ts';
import { choice, path, textOf } from './text-kinds.ts';

const MAX_FILES = 16;

const pin = textOf('a pin such as sha256//BASE64 of 32 bytes', /^sha256\/\/[A-Za-z0-9+/]{43}=$/);

const tls = checked(
  shape({
    ca: optional(path),
    pins: byDefault(listOf(pin, { most: MAX_FILES }, 'pins'), []),
    cert: optional(path),
    key: optional(path),
  }),
  checkPair,
);

const recipient = checked(shape({ cert: optional(path), key: optional(path) }), checkPair);

function checkPair<T extends { readonly cert: string | undefined; readonly key: string | undefined }>(
  found: T,
  tell: Tell,
): T {
  if (found.cert !== undefined && found.key === undefined) {
    tell.mistake('expected key with it, found none; add the key of the certificate', 'cert');
  }
  if (found.key !== undefined && found.cert === undefined) {
    tell.mistake('expected cert with it, found none; add the certificate of the key', 'key');
  }
  return found;
}

export const trust = checked(
  shape({
    policy: byDefault(choice(['tuf', 'x509', 'both']), 'tuf'),
    root: optional(path),
    anchors: optional(path),
    intermediates: optional(path),
    crls: byDefault(listOf(path, { most: MAX_FILES }, 'paths'), []),
    purpose: byDefault(choice(['codeSigning', 'emailProtection', 'any']), 'codeSigning'),
    tls: section(tls),
    recipient: section(recipient),
  }),
  (found, tell) => {
    const { policy, root, anchors, intermediates, crls } = found;
    if (policy !== 'x509' && root === undefined) {
      tell.mistake(`expected root with the policy ${policy}, found none; add the root of trust, root.json`);
    }
    if (policy === 'x509' && root !== undefined) {
      tell.mistake(
        'expected the policy tuf or both with it, found x509: the root would not be looked at',
        'root',
      );
    }
    if (policy !== 'tuf' && anchors === undefined) {
      tell.mistake(`expected anchors with the policy ${policy}, found none; add the certificates to trust`);
    }
    const unused = { anchors, intermediates, crls: crls.length === 0 ? undefined : crls };
    for (const [name, value] of Object.entries(policy === 'tuf' ? unused : {})) {
      const message = 'expected the policy x509 or both with it, found tuf: certificates count only then';
      if (value !== undefined) tell.mistake(message, name);
    }
    return found;
  },
);
