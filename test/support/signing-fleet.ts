/**
 * A fleet's PKI for tests of CMS signatures: root, intermediate, and a signer below it; a manifest, signed.
 *
 * @module
 */
import { cmsSignerFromPem } from '../../src/trust/x509/cms-signer.ts';
import { signDetached } from '../../src/trust/x509/sign-cms.ts';
import type { CertificatePolicy } from '../../src/trust/x509/verify-cms.ts';
import { type CertificateWish, certify, days, type Party } from './test-pki.ts';

/** Since January. */
const from = days(-160);

export const root = await certify({ name: 'Fleet root', ca: true, from });
export const middle = await certify({ name: 'Fleet releases', ca: true, issuer: root, from, pathLength: 0 });
export const stranger = await certify({ name: 'Stranger', ca: true });

export const manifest: Buffer = Buffer.from('{"format":"silt-manifest","product":"os"}');

export const policy: CertificatePolicy = {
  anchors: root.certificate,
  intermediates: middle.certificate,
  purpose: 'codeSigning',
};

/** A signer below the intermediate, or as wished. */
export function signerAs(wish: Partial<CertificateWish> & { readonly name: string }): Promise<Party> {
  return certify({ issuer: middle, from, purposes: ['codeSigning', 'emailProtection'], ...wish });
}

export const signer = await signerAs({ name: 'Release signer' });

/** The manifest, or other bytes, signed by `party`; its certificate is embedded, and those in `others`. */
export function signedBy(
  party: Party,
  content: Uint8Array = manifest,
  others: readonly Party[] = [],
): Promise<Uint8Array> {
  const certificates = [party, ...others].map(({ certificate }) => certificate).join('');
  return signDetached(content, { certificates, signer: cmsSignerFromPem(party.key) });
}
