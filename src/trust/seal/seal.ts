/**
 * `silt/trust/seal`: releases that only their recipients can read.
 *
 * @module
 */
export type { ContentKey, OpenContentKey } from './content-key.ts';
export { type MasterSecret, masterKeys, readMasterSecret, writeMasterSecret } from './master-secret.ts';
export { type Recipient, recipientKeys } from './recipient-keys.ts';
