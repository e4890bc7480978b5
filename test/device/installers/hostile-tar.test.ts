import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { type UnpackOptions, unpackTar } from '../../../src/device/installers/unpack-tar.ts';
import { removeTree } from '../../../src/io/new-tree.ts';
import { seededBytes, seededRandom } from '../../support/seeded-bytes.ts';
import { type TarMember, tarMember, tarOf } from '../../support/tar-builder.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

interface Place {
  readonly around: string;
  readonly into: string;
  unpack(bytes: Uint8Array, options?: UnpackOptions): Promise<void>;
}

/** A place to unpack to, with a file beside it that nobody may touch. */
async function place(t: ExecutionContext): Promise<Place> {
  const around = await temporaryDirectory(t);
  const into = join(around, 'into');
  await writeFile(join(around, 'secret'), 'untouched');
  return {
    around,
    into,
    async unpack(bytes, options) {
      const archive = join(around, 'archive');
      await writeFile(archive, bytes);
      await unpackTar(archive, into, options);
    },
  };
}

/** Refused, and nothing outside the directory has changed. */
async function refuses(
  t: ExecutionContext,
  bytes: Uint8Array,
  why: RegExp,
  options?: UnpackOptions,
): Promise<void> {
  const { around, unpack } = await place(t);
  t.regex((await throwsSilt(t, () => unpack(bytes, options), 'INSTALL_FAILED')).message, why);
  t.deepEqual((await readdir(around)).sort(), ['archive', 'into', 'secret']);
  t.is(await readFile(join(around, 'secret'), 'utf8'), 'untouched');
}

const hostile: readonly (readonly [string, RegExp, readonly TarMember[]])[] = [
  ['an absolute name', /absolute/, [{ name: '/tmp/silt-hostile', content: 'x' }]],
  ['a name that climbs', /\.\. in it/, [{ name: '../escaped', content: 'x' }]],
  ['a name that climbs later', /\.\. in it/, [{ name: 'a/b/../../../escaped', content: 'x' }]],
  ['a directory that climbs', /\.\. in it/, [{ name: 'a/../..', type: '5' }]],
  ['an absolute symbolic link', /not inside/, [{ name: 'a', type: '2', link: '/etc/passwd' }]],
  ['a symbolic link that climbs', /leads out/, [{ name: 'd/a', type: '2', link: '../../secret' }]],
  [
    'a symbolic link that climbs through another',
    /leads out/,
    [
      { name: 'a/b/', type: '5' },
      { name: 'a/b/top', type: '2', link: '../..' },
      // By its letters it stays inside, followed it does not.
      { name: 'out', type: '2', link: 'a/b/top/../secret' },
    ],
  ],
  [
    'a file through a symbolic link',
    /"d" is no directory/,
    [
      { name: 'd', type: '2', link: '.' },
      { name: 'd/file', content: 'x' },
    ],
  ],
  [
    'a file through a file',
    /"d" is no directory/,
    [
      { name: 'd', content: 'x' },
      { name: 'd/file', content: 'x' },
    ],
  ],
  [
    'a symbolic link in place of a directory',
    /stands twice/,
    [
      { name: 'd/file', content: 'x' },
      { name: 'd', type: '2', link: '..' },
    ],
  ],
  ['a hard link outside', /\.\. in it/, [{ name: 'a', type: '1', link: '../secret' }]],
  ['an absolute hard link', /absolute/, [{ name: 'a', type: '1', link: '/etc/passwd' }]],
  [
    'a hard link to a symbolic link',
    /no file before it/,
    [
      { name: 's', type: '2', link: 'x' },
      { name: 'a', type: '1', link: 's' },
    ],
  ],
  ['a hard link to what is not there', /no file before it/, [{ name: 'a', type: '1', link: 'b' }]],
  [
    'two symbolic links in a circle',
    /too many symbolic links/,
    [
      { name: 'a', type: '2', link: 'b' },
      { name: 'b', type: '2', link: 'a' },
    ],
  ],
  ['a character device', /CharacterDevice/, [{ name: 'null', type: '3' }]],
  ['a block device', /BlockDevice/, [{ name: 'sda', type: '4' }]],
  ['a pipe', /FIFO/, [{ name: 'pipe', type: '6' }]],
  [
    'a name that stands twice',
    /stands twice/,
    [
      { name: 'a', content: 'one' },
      { name: './a', content: 'two' },
    ],
  ],
  ['a file that claims 8 GiB less a byte', /header claims/, [{ name: 'a', content: 'x', size: 8 ** 11 - 1 }]],
];

for (const [what, why, members] of hostile) {
  test(`${what} is refused`, async (t) => {
    await refuses(t, tarOf([{ name: 'good', content: 'good' }, ...members]), why, { maxBytes: 2 ** 30 });
  });
}

/** An extended header (pax) that gives the next member another name. */
function extended(name: string): Buffer {
  const rest = ` path=${name}\n`;
  let length = rest.length + 1;
  while (`${length}${rest}`.length !== length) length++;
  return tarMember({ name: 'pax', type: 'x', content: `${length}${rest}` });
}

test('an extended header hides no name', async (t) => {
  for (const [name, why] of [
    ['../escaped', /\.\. in it/],
    ['/tmp/silt-hostile', /absolute/],
    [`${'d/'.repeat(70)}x`, /too deep/],
    ['n'.repeat(300), /too long/],
  ] as const) {
    const archive = Buffer.concat([extended(name), tarOf([{ name: 'innocent', content: 'x' }])]);
    await refuses(t, archive, why);
  }
  await refuses(
    t,
    Buffer.concat([extended('n'.repeat(100_000)), tarOf([{ name: 'innocent', content: 'x' }])]),
    /not taken/,
  );
  t.false(existsSync('/tmp/silt-hostile'));
});

test('a million entries in half a megabyte end at the cap', async (t) => {
  const block = Buffer.concat(
    Array.from({ length: 1000 }, (_, index) => tarMember({ name: `d${index}`, type: '5' })),
  );
  const named = Buffer.concat(Array.from({ length: 60 }, (_, index) => tarMember({ name: `f${index}` })));
  const bomb = Buffer.concat([gzipSync(named), ...Array.from({ length: 1000 }, () => gzipSync(block))]);
  await refuses(t, bomb, /at most 50 entries/, { maxEntries: 50 });
  // Directories that are only implied count as well.
  await refuses(t, tarOf([{ name: 'a/b/c/d/e/f/g', content: 'x' }]), /at most 5 entries/, { maxEntries: 5 });
});

test('what decompresses to more than the cap is stopped, with no room taken for it', async (t) => {
  const zeros = gzipSync(Buffer.concat([tarMember({ name: 'a', content: Buffer.alloc(4_000_000) })]));
  t.true(zeros.length < 10_000);
  await refuses(t, zeros, /header claims 4000000 bytes/, { maxBytes: 1_000_000 });
  const many = Buffer.concat(
    Array.from({ length: 20 }, (_, index) => tarMember({ name: `f${index}`, content: Buffer.alloc(90_000) })),
  );
  await refuses(t, gzipSync(many), /more than 1000000 bytes/, { maxBytes: 1_000_000 });
});

test('an archive that is compressed twice is refused', async (t) => {
  await refuses(t, gzipSync(gzipSync(tarOf([{ name: 'a', content: 'x' }]))), /compressed twice/);
});

test('an archive that is cut short, altered or none at all is refused', async (t) => {
  const whole = tarOf([{ name: 'a', content: seededBytes('a', 5000) }]);
  await refuses(t, whole.subarray(0, 3000), /tar archive/);
  await refuses(t, gzipSync(whole).subarray(0, 2000), /tar archive/);
  await refuses(t, seededBytes('noise', 4096), /tar archive/);
  await refuses(t, new Uint8Array(), /tar archive/);
  const altered = Buffer.from(whole);
  altered[0] = 0x62;
  await refuses(t, altered, /checksum/);
});

test('names that differ in case are two, where the file system thinks so as well', async (t) => {
  const { into, unpack } = await place(t);
  await unpack(
    tarOf([
      { name: 'readme', content: 'small' },
      { name: 'README', content: 'large' },
    ]),
  );
  t.is(await readFile(join(into, 'readme'), 'utf8'), 'small');
  t.is(await readFile(join(into, 'README'), 'utf8'), 'large');
});

test('a directory that is there already is never unpacked into', async (t) => {
  const { unpack } = await place(t);
  await unpack(tarOf([{ name: 'a', content: 'x' }]));
  await throwsSilt(t, () => unpack(tarOf([{ name: 'b', content: 'x' }])), 'IO_FAILED');
});

test('altered archives unpack or are refused, and nothing outside ever changes', async (t) => {
  const random = seededRandom(6);
  const whole = tarOf([
    { name: 'd/', type: '5' },
    { name: 'd/file', content: seededBytes('file', 700) },
    { name: 'link', type: '2', link: 'd/file' },
    { name: 'hard', type: '1', link: 'd/file' },
  ]);
  let [unpacked, refused] = [0, 0];
  for (let round = 0; round < 150; round++) {
    const { around, into, unpack } = await place(t);
    const bytes = Buffer.from(whole);
    const header = Math.floor(random() * 5) * 512;
    for (let change = 0; change < 3; change++) {
      bytes[header + Math.floor(random() * 260)] = Math.floor(random() * 256);
    }
    // With the right checksum, so that more than that is tried.
    bytes.fill(' ', header + 148, header + 156);
    const sum = bytes.subarray(header, header + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, header + 148, 'latin1');
    try {
      await unpack(bytes);
      unpacked++;
    } catch (error) {
      t.regex(String((error as { code?: string }).code), /^(INSTALL_FAILED|IO_FAILED)$/, String(error));
      refused++;
    }
    t.is(await readFile(join(around, 'secret'), 'utf8'), 'untouched');
    t.deepEqual((await readdir(around)).sort(), ['archive', 'into', 'secret']);
    // Some have directories that only their owner's chmod opens again.
    await removeTree(into);
  }
  t.true(unpacked > 10 && refused > 10, `${unpacked} unpacked, ${refused} refused`);
});

test('a large file arrives whole, across all blocks', async (t) => {
  const { into, unpack } = await place(t);
  const content = seededBytes('large', 1_000_003);
  await unpack(
    gzipSync(tarOf([{ name: 'small', content: 'x' }, { name: 'large', content }, { name: 'empty' }])),
  );
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  t.is(digest(await readFile(join(into, 'large'))), digest(content));
  t.is((await readFile(join(into, 'empty'))).length, 0);
});
