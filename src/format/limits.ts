/**
 * The limits of silt's formats, in one place. A reader refuses what exceeds them before it allocates;
 * a writer never produces it.
 *
 * @module
 */
import { GiB, KiB, MiB } from '../core/sizes.ts';

/** No chunk is larger, whatever the parameters. */
export const MAX_CHUNK: number = 16 * MiB;
/** No window is larger: the device holds a few in memory. */
export const MAX_WINDOW: number = 16 * MiB;
/** Plain bytes of a frame, so also the most that decompressing one may yield. */
export const MAX_FRAME_PLAIN: number = 16 * MiB;
/** Stored bytes of a frame: plain bytes and a little, for data that does not compress. */
export const MAX_FRAME_STORED: number = MAX_FRAME_PLAIN + 64 * KiB;
/** Stored bytes of a pack: the target of 16 MiB, the frame that passed it, and the trailer. */
export const MAX_PACK: number = 64 * MiB;
export const MAX_PACK_TRAILER: number = 32 * MiB;
/** Remnants of one pack, each smaller than the one before. */
export const MAX_REMNANTS = 3;
/** Ranges in the head of a remnant: as many as fit. */
export const MAX_REMNANT_RANGES = 504;
/** Chunks in a window or a frame: MAX_WINDOW of the smallest chunk (256 bytes). */
export const MAX_CHUNKS_PER_WINDOW: number = 65_536;
export const MAX_FRAMES_PER_WINDOW: number = 65_536;
export const MAX_FRAMES_PER_PACK: number = 65_536;
/** Level 2 of one window. */
export const MAX_LEVEL2: number = 4 * MiB;
/** Level 1: enough for an image of 1 TiB in windows of 512 KiB. */
export const MAX_INDEX_HEAD: number = 128 * MiB;
export const MAX_IMAGE: number = 8192 * GiB;
export const MAX_PACKS: number = 1 << 20;
export const MAX_WINDOWS: number = 1 << 24;
export const MAX_RELEASE_IMAGES = 256;
/** Deltas of one image, each from another Base. */
export const MAX_IMAGE_DELTAS = 64;
/** Manifest and catalog, JSON. */
export const MAX_MANIFEST: number = 1 * MiB;
export const MAX_CATALOG: number = 16 * MiB;
/** Everything ahead of the payloads of a delta; also what is in its head once decompressed. */
export const MAX_DELTA_HEAD: number = 64 * MiB;
/** An image of 1 TiB in windows of 1 MiB; a list of so many is what a device has to hold. */
export const MAX_DELTA_WINDOWS: number = 1 << 20;
/** Bytes by which the payload of a window may exceed the window: its own head, where nothing compresses. */
export const MAX_PAYLOAD_OVERHEAD: number = 64 * KiB;
/** Named transforms of a delta. */
export const MAX_TRANSFORMS = 64;
/** Kinds of hardware of a release, and variants of one. */
export const MAX_HARDWARE = 256;
/** Releases from which a downgrade to a release is allowed. */
export const MAX_EXCEPTIONS = 256;
/** Bytes of what pruning remembers; objects beyond it wait for their turn. */
export const MAX_PRUNE_RECORD: number = 16 * MiB;
/** Publishers at work in one repository at once. */
export const MAX_LEASES = 1024;
/** Bytes of the list of them. */
export const MAX_LEASE_LIST: number = 1 * MiB;
/** A content key for its recipients: some 300 to 700 bytes each. */
export const MAX_ENVELOPE: number = 4 * MiB;
