/**
 * Intel HEX: the text form of firmware, as the bytes that end up in flash.
 *
 * @module
 */

/** Flash ends here; what lies above (settings of the chip) is no part of the image. */
const END_OF_FLASH = 0x1000_0000;

/**
 * The flash from address 0 to the last byte that `text` names, erased (0xff) where it names none.
 *
 * @throws Error for a line that is no record, a wrong checksum, or a text without an end
 */
export function parseIntelHex(text: string): Uint8Array {
  const parts: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  let base = 0;
  let ended = false;
  for (const line of text.split(/\s+/).filter((part) => part !== '')) {
    const record = parseRecord(line);
    const { address, type, data } = record;
    if (type === 0) parts.push({ at: base + address, bytes: data });
    else if (type === 1) ended = true;
    else if (type === 2) base = data.readUInt16BE() * 16;
    else if (type === 4) base = data.readUInt16BE() * 0x1_0000;
    // 3 and 5 say where execution starts.
  }
  if (!ended) throw new Error('expected Intel HEX with an end record, found none');
  const inFlash = parts.filter(({ at }) => at < END_OF_FLASH);
  const size = inFlash.reduce((end, { at, bytes }) => Math.max(end, at + bytes.length), 0);
  const flash = new Uint8Array(size).fill(0xff);
  for (const { at, bytes } of inFlash) flash.set(bytes, at);
  return flash;
}

function parseRecord(line: string): { address: number; type: number; data: Buffer } {
  const bytes = /^:([0-9a-f]{2}){5,}$/i.test(line) ? Buffer.from(line.slice(1), 'hex') : Buffer.alloc(0);
  if (bytes.length !== (bytes[0] ?? 0) + 5) throw new Error(`expected a record of Intel HEX, found ${line}`);
  if (bytes.reduce((sum, byte) => sum + byte, 0) % 256 !== 0) {
    throw new Error(`a record of Intel HEX has a wrong checksum: ${line}`);
  }
  return { address: bytes.readUInt16BE(1), type: bytes[3] ?? 0, data: bytes.subarray(4, -1) };
}
