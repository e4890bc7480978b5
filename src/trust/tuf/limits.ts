/**
 * The limits of a TUF client: what exceeds them is refused before it is stored, parsed or verified.
 *
 * @module
 */
import { KiB, MiB } from '../../core/sizes.ts';

export const MAX_ROOT: number = 512 * KiB;
export const MAX_TIMESTAMP: number = 16 * KiB;
export const MAX_SNAPSHOT: number = 2 * MiB;
/** Of each targets role. */
export const MAX_TARGETS: number = 5 * MiB;
/** New versions of root in one run. */
export const MAX_ROOT_ROTATIONS = 256;
/** Delegated roles that one search looks into. */
export const MAX_DELEGATIONS = 32;
/** Of one metadata file; each costs a verification at most. */
export const MAX_SIGNATURES = 64;
/** Of one role. */
export const MAX_ROLE_KEYS = 64;
/** Keys that root or a targets role lists, of all roles together. */
export const MAX_KEYS = 1024;
/** Roles that one targets role delegates to. */
export const MAX_ROLES = 1024;
/** Path patterns or hash prefixes of one delegation. */
export const MAX_PATTERNS = 1024;
/** Roles that a snapshot lists, targets that a role lists. */
export const MAX_LISTED = 65_536;
/** Characters of a role name, a path pattern, a key id; of a target path. */
export const MAX_NAME = 512;
export const MAX_NESTING = 32;
