/** Whether two decimal texts are the same number, digit by digit: `1.50` and `1.5` are, and `15e-1` too. */
export function isSameDecimal(left: string, right: string): boolean {
  const [a, b] = [readDecimal(left), readDecimal(right)];
  if (a === null || b === null) return false;
  const scale = Math.max(a.decimals, b.decimals);
  return a.digits * 10n ** BigInt(scale - a.decimals) === b.digits * 10n ** BigInt(scale - b.decimals);
}

/** The number as a whole number of its last digit's unit; null for what is no decimal number, such as Infinity. */
function readDecimal(text: string): { digits: bigint; decimals: number } | null {
  const match = /^(-?\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(text);
  if (match === null) return null;
  const [, whole, fraction = "", exponent = "0"] = match;
  const digits = BigInt(whole! + fraction);
  const decimals = fraction.length - Number(exponent);
  return decimals >= 0 ? { digits, decimals } : { digits: digits * 10n ** BigInt(-decimals), decimals: 0 };
}
