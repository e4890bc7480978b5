/**
 * `silt/trust`: releases that are trusted, for devices (`openTufReleases`) and publishers (`openTufLedger`). What
 * needs certificates is `silt/trust/x509` and `silt/trust/seal`, so that a device loads it only when it has some.
 *
 * @module
 */
export { type Floor, openFloor } from './floor.ts';
export { type LoadSignersOptions, loadSigners } from './keys/load-signers.ts';
export type { PublicKey, SignatureScheme, Signer } from './keys/signer.ts';
export { openTufLedger, type TufLedgerOptions } from './ledger/tuf-ledger.ts';
export type {
  AddOptions,
  HeldRelease,
  MetadataReader,
  MetadataWriter,
  NewRelease,
  PointOptions,
  ReleaseLedger,
  ReleaseSelector,
  Releases,
  RepositorySurvey,
  TrustedRelease,
  TrustOptions,
} from './releases.ts';
export type { TufClientOptions } from './tuf/client.ts';
export { openDeviceState } from './tuf/device-state.ts';
export { type MetadataState, memoryState } from './tuf/metadata-state.ts';
export { listTufProducts, openTufReleases } from './tuf/tuf-releases.ts';
export { openLedger, openReleases } from './unsigned-releases.ts';
