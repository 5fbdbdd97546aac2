/**
 * Document ids as Convex makes them: 32 characters of lower-case Crockford base32, which hold the table's
 * number, 16 random bytes and a checksum. So an id tells its table, and a mistyped id is noticed.
 */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS = new Map([...ALPHABET].map((letter, index) => [letter, index]));
const BYTES = 20;

/** Convex numbers an app's tables from here on. Two seven-bit groups hold numbers below 16,384. */
export const FIRST_TABLE_NUMBER = 10_001;
export const LAST_TABLE_NUMBER = 16_383;

export function encodeId(tableNumber: number, internalId: Uint8Array): string {
  const bytes = new Uint8Array(BYTES);
  bytes[0] = (tableNumber & 0x7f) | 0x80;
  bytes[1] = tableNumber >> 7;
  bytes.set(internalId, 2);
  const sum = checksum(bytes.subarray(0, BYTES - 2));
  bytes[BYTES - 2] = sum >> 8;
  bytes[BYTES - 1] = sum & 0xff;
  return toBase32(bytes);
}

/** The number of the table that an id belongs to, or null when the text is no id. */
export function tableNumberOf(id: string): number | null {
  const bytes = fromBase32(id);
  if (bytes === null) return null;
  const sum = checksum(bytes.subarray(0, BYTES - 2));
  if (bytes[BYTES - 2] !== sum >> 8 || bytes[BYTES - 1] !== (sum & 0xff)) return null;
  return (bytes[0]! & 0x7f) | (bytes[1]! << 7);
}

/** Fletcher's checksum of 16 bits, as Convex uses it. */
function checksum(bytes: Uint8Array): number {
  let low = 0;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 255;
    high = (high + low) % 255;
  }
  return (high << 8) | low;
}

function toBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let pending = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(pending >> bits) & 31];
    }
    pending &= (1 << bits) - 1;
  }
  return text;
}

function fromBase32(text: string): Uint8Array | null {
  if (text.length !== (BYTES * 8) / 5) return null;
  const bytes = new Uint8Array(BYTES);
  let bits = 0;
  let pending = 0;
  let next = 0;
  for (const letter of text) {
    const digit = DIGITS.get(letter);
    if (digit === undefined) return null;
    pending = (pending << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[next++] = (pending >> bits) & 0xff;
      pending &= (1 << bits) - 1;
    }
  }
  return bytes;
}
