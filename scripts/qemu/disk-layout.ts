/**
 * What is where on the disk: a DOS partition table with four primary partitions, and GRUB in the gap before the
 * first. The layout is that of every BIOS machine: sector 0 has GRUB's boot.img and the table, GRUB's core follows.
 *
 * @module
 */
const SECTOR = 512;
const MiB = 1024 * 1024;

export interface Partition {
  readonly name: 'boot' | 'A' | 'B' | 'data';
  readonly start: number;
  readonly size: number;
}

const SIZES = { boot: 16 * MiB, A: 96 * MiB, B: 96 * MiB, data: 64 * MiB } as const;
/** FAT, twice Linux, Linux: for whoever looks at the table. */
const TYPES = { boot: 0x0c, A: 0x83, B: 0x83, data: 0x83 } as const;

export const PARTITIONS: readonly Partition[] = placed();
export const DISK_BYTES: number = MiB + Object.values(SIZES).reduce((sum, size) => sum + size, 0);

function placed(): Partition[] {
  let start = MiB;
  return (Object.keys(SIZES) as Partition['name'][]).map((name) => {
    const partition = { name, start, size: SIZES[name] };
    start += partition.size;
    return partition;
  });
}

export function partition(name: Partition['name']): Partition {
  const found = PARTITIONS.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`there is no partition ${name}`);
  return found;
}

/**
 * The bytes before the first partition. `boot` looks for the rest of GRUB in the next sector, and `core` knows its
 * own length, so that neither needs to be patched.
 *
 * @param boot GRUB's boot.img, one sector; @param core what grub-mkimage made for i386-pc
 */
export function diskFront(boot: Uint8Array, core: Uint8Array): Uint8Array {
  if (boot.length !== SECTOR || core.length > MiB - SECTOR) {
    throw new Error(
      `expected GRUB to fit before the first partition, found ${boot.length} and ${core.length} bytes`,
    );
  }
  const front = Buffer.alloc(MiB);
  // Code ends where the table begins.
  front.set(boot.subarray(0, 440), 0);
  front.set(core, SECTOR);
  for (const [index, { name, start, size }] of PARTITIONS.entries()) {
    const entry = front.subarray(446 + index * 16, 462 + index * 16);
    entry[0] = name === 'boot' ? 0x80 : 0;
    // Cylinders are no longer asked for.
    entry.set([0xfe, 0xff, 0xff], 1);
    entry[4] = TYPES[name];
    entry.set([0xfe, 0xff, 0xff], 5);
    entry.writeUInt32LE(start / SECTOR, 8);
    entry.writeUInt32LE(size / SECTOR, 12);
  }
  front.writeUInt16LE(0xaa55, 510);
  return front;
}
