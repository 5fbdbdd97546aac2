/** What the ledger calls a table: FNV-1a of its name with 64 bits, the lower 11 left out. Computed without BigInt. */
export function ledgerNumber(table: string): number {
  // The hash in parts of 16 bits, the lowest first; the prime 0x100000001b3 is 0x1b3 and a shift by 40.
  let parts = [0x2325, 0x8422, 0x9ce4, 0xcbf2];
  for (const byte of new TextEncoder().encode(table)) {
    parts[0]! ^= byte;
    const shifted = [0, 0, (parts[0]! << 8) & 0xffff, (parts[0]! >>> 8) | ((parts[1]! << 8) & 0xffff)];
    let carry = 0;
    parts = parts.map((part, at) => {
      const sum = part * 0x1b3 + shifted[at]! + carry;
      carry = Math.floor(sum / 0x10000);
      return sum % 0x10000;
    });
  }
  const upper = parts[3]! * 0x10000 + parts[2]!;
  const lower = parts[1]! * 0x10000 + parts[0]!;
  return upper * 2 ** 21 + Math.floor(lower / 2 ** 11);
}
