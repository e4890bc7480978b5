/**
 * Tar files made by hand (POSIX.1-1988 ustar), so that they can be as hostile as no packer would make them.
 *
 * @module
 */

export interface TarMember {
  readonly name: string;
  /** The typeflag: `0` file, `1` hard link, `2` symbolic link, `3` character device, `5` directory, ... */
  readonly type?: string;
  readonly content?: string | Uint8Array;
  readonly link?: string;
  readonly mode?: number;
  /** What the header claims, when that is not the truth. */
  readonly size?: number;
}

/** The header of one member and its content, in blocks of 512 bytes. */
export function tarMember(member: TarMember): Buffer {
  const { name, type = '0', link = '', mode = 0o644 } = member;
  const content = Buffer.from(member.content ?? '');
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  octal(header, 100, 8, mode);
  octal(header, 108, 8, 0);
  octal(header, 116, 8, 0);
  octal(header, 124, 12, member.size ?? content.length);
  octal(header, 136, 12, 0);
  header.write(type, 156, 1);
  header.write(link, 157, 100);
  header.write('ustar\x0000', 257, 8, 'latin1');
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return Buffer.concat([header, content, Buffer.alloc(-content.length & 511)]);
}

/** A whole archive, with its two blocks of zeros. */
export function tarOf(members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.map(tarMember), Buffer.alloc(1024)]);
}

function octal(header: Buffer, at: number, length: number, value: number): void {
  header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, length, 'latin1');
}
