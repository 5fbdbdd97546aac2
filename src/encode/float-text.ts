/** Decimal digits that a C `float` and `double` are sure to hold; from there on Postgres prints an exponent. */
const FLOAT4_DIGITS = 6;
const FLOAT8_DIGITS = 15;

/**
 * A double as `float8out` prints it with extra_float_digits above 0. Both Postgres and JavaScript print the shortest
 * digits that give the number back, but Postgres avoids a text that lies exactly between two doubles:
 * 9.896337664021041e+17, where JavaScript has 989633766402104000.
 */
export function printFloat8(value: number): string {
  return printFloat(value, FLOAT8_DIGITS, findFloat8Digits);
}

/** The number that was read from what `float4out` printed: its digits, at most 9, are a double's shortest. */
export function printFloat4(value: number): string {
  return printFloat(value, FLOAT4_DIGITS, (positive) => positive.toExponential());
}

/** @param findDigits the digits of a positive number, in the notation of `toExponential` */
function printFloat(value: number, fixedDigits: number, findDigits: (positive: number) => string): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";

  const sign = value < 0 ? "-" : "";
  const [mantissa, exponentText] = findDigits(Math.abs(value)).split("e");
  const digits = mantissa!.replace(".", "");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= fixedDigits) return sign + printScientific(digits, exponent);
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = digits.slice(exponent + 1);
  return sign + (fraction === "" ? whole : `${whole}.${fraction}`);
}

function printScientific(digits: string, exponent: number): string {
  const fraction = digits.slice(1);
  const power = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits[0]}${fraction === "" ? "" : `.${fraction}`}e${exponent < 0 ? "-" : "+"}${power}`;
}

function findFloat8Digits(value: number): string {
  let text = value.toExponential();
  let fractionDigits = Math.max(text.indexOf("e") - 2, 0);
  while (liesBetweenDoubles(text, value)) text = value.toExponential(++fractionDigits);
  return text;
}

/** Whether the decimal is exactly in the middle of the positive double `value` and the one above or below it. */
function liesBetweenDoubles(decimal: string, value: number): boolean {
  const [mantissa, exponentText] = decimal.split("e");
  const fractionDigits = Math.max(mantissa!.length - 2, 0);
  const units = BigInt(mantissa!.replace(".", ""));
  const tens = Number(exponentText) - fractionDigits;

  const { significand, twos } = splitDouble(value);
  const quarters = significand * 4n;
  // Below a power of two the doubles stand twice as close.
  const gapBelow = significand === 2n ** 52n ? 1n : 2n;
  return [quarters + 2n, quarters - gapBelow].some(
    (middle) =>
      units * 10n ** atLeast0(tens) * 2n ** atLeast0(2 - twos) ===
      middle * 10n ** atLeast0(-tens) * 2n ** atLeast0(twos - 2),
  );
}

/** `value` is `significand` times two to the power of `twos`. */
function splitDouble(value: number): { significand: bigint; twos: number } {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const all = bits.getBigUint64(0);
  const fraction = all & (2n ** 52n - 1n);
  const biased = Number(all >> 52n);
  return biased === 0
    ? { significand: fraction, twos: -1074 }
    : { significand: fraction + 2n ** 52n, twos: biased - 1075 };
}

function atLeast0(power: number): bigint {
  return BigInt(Math.max(power, 0));
}
