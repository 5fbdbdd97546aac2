/** FNV-1a of 64 bits (draft-eastlake-fnv), and as many of its upper bits as a number holds exactly. */
const OFFSET_BASIS = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const BITS_LEFT_OUT = 11n;

const numbers = new Map<string, number>();

/**
 * What stands for a table in the entries of the ledger, in 9 bytes where its name takes up to 66. It is made from the
 * name and nothing else, so that there is nothing to hand out, to lose or to restore: parallel first runs cannot
 * take the same, and a ledger is found again when all else was wiped. Must never change: entries are stored by it.
 */
export function mirrorNumber(table: string): number {
  let number = numbers.get(table);
  if (number === undefined) {
    let hash = OFFSET_BASIS;
    // A table's name is ASCII: a character is a byte.
    for (let i = 0; i < table.length; i++) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(table.charCodeAt(i))) * PRIME);
    }
    number = Number(hash >> BITS_LEFT_OUT);
    numbers.set(table, number);
  }
  return number;
}

/**
 * Two names of one number would share their entries. It is as likely as one in 10^11 among 300 tables, and then a
 * deploy is to fail rather than a mirror.
 */
export function requireDistinctNumbers(tables: readonly string[]): void {
  const named = new Map<number, string>();
  for (const table of tables) {
    const other = named.get(mirrorNumber(table));
    if (other !== undefined) {
      throw new Error(`The tables ${other} and ${table} cannot both be mirrored: rename one of them.`);
    }
    named.set(mirrorNumber(table), table);
  }
}
