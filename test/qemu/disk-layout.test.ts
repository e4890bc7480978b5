import test from 'ava';
import { DISK_BYTES, diskFront, PARTITIONS, partition } from '../../scripts/qemu/disk-layout.ts';

const MiB = 1024 * 1024;

test('partitions follow each other from the first MiB to the end of the disk', (t) => {
  let next = MiB;
  for (const { start, size } of PARTITIONS) {
    t.is(start, next);
    t.is(size % MiB, 0);
    next = start + size;
  }
  t.is(next, DISK_BYTES);
  t.deepEqual(
    PARTITIONS.map(({ name }) => name),
    ['boot', 'A', 'B', 'data'],
  );
});

test('the table says where the partitions are, and the code of GRUB ends before it', (t) => {
  const front = Buffer.from(diskFront(Buffer.alloc(512, 0x11), Buffer.alloc(40_000, 0x22)));
  t.is(front.length, MiB);
  t.true(front.subarray(0, 440).every((byte) => byte === 0x11));
  t.true(front.subarray(440, 446).every((byte) => byte === 0));
  t.true(front.subarray(512, 512 + 40_000).every((byte) => byte === 0x22));
  t.is(front[512 + 40_000], 0);
  t.is(front.readUInt16LE(510), 0xaa55);
  for (const [index, { start, size }] of PARTITIONS.entries()) {
    const entry = front.subarray(446 + index * 16, 462 + index * 16);
    t.is(entry.readUInt32LE(8) * 512, start);
    t.is(entry.readUInt32LE(12) * 512, size);
  }
  t.is(front[446], 0x80);
  t.is(partition('A').start / 512, front.readUInt32LE(446 + 16 + 8));
});

test('a GRUB that does not fit before the first partition is refused', (t) => {
  t.notThrows(() => diskFront(Buffer.alloc(512), Buffer.alloc(MiB - 512)));
  t.throws(() => diskFront(Buffer.alloc(512), Buffer.alloc(MiB - 511)), { message: /fit before/ });
  t.throws(() => diskFront(Buffer.alloc(511), Buffer.alloc(100)), { message: /fit before/ });
});
