/**
 * `silt/trust/x509`: manifests signed with certificates, as detached CMS.
 *
 * @module
 */
export { type CmsSigner, cmsSignerFromPem, cmsSignerOf } from './cms-signer.ts';
export { type SignOptions, signDetached } from './sign-cms.ts';
export { type CertificatePolicy, type VerifiedSigner, verifyDetached } from './verify-cms.ts';
export { type CmsOptions, withCms } from './with-cms.ts';
export { openX509Releases } from './x509-releases.ts';
