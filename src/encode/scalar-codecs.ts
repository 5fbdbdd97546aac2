import { Unencodable, type Codec } from "./codec.js";
import { printFloat4, printFloat8 } from "./float-text.js";
import { chargeText, SIZE } from "./value-size.js";

/** The text that Postgres prints, as it stands. */
export const textCodec: Codec<string> = {
  validators: ["v.string()"],
  encode(text, meter) {
    chargeText(text, meter);
    return text;
  },
  decode: (value) => value,
};

export const booleanCodec: Codec<boolean> = {
  validators: ["v.boolean()"],
  encode(text, meter) {
    if (text !== "t" && text !== "f") throw notPrintedAs("boolean");
    meter.bytes += SIZE.boolean;
    return text === "t";
  },
  decode: (value) => (value ? "t" : "f"),
};

/** Integers of up to 32 bits. */
export const integerCodec: Codec<number> = numberCodec("integer", String);

/** NaN, the infinities and -0 are values of Convex's float64 too. */
export const float8Codec: Codec<number> = numberCodec("double precision", printFloat8);

/** The number whose digits Postgres prints, 0.1, and not the one that the four bytes hold, 0.10000000149011612. */
export const float4Codec: Codec<number> = numberCodec("real", printFloat4);

/**
 * numeric of few digits. The column's scale says with how many zeros Postgres prints it; NaN is the one value beside
 * numbers. A text that the number would not give back is refused: a view or a foreign table may not hold itself to
 * the scale that it declares.
 */
export function numericCodec(scale: number): Codec<number> {
  const print = (value: number) => value.toFixed(Math.max(scale, 0));
  const codec = numberCodec("numeric", print);
  return {
    ...codec,
    encode(text, meter) {
      const value = codec.encode(text, meter);
      if (print(value) !== text) {
        throw new Unencodable(
          "UNSUPPORTED_VALUE",
          'its digits are not those that its type declares; the encoding "text" takes any',
        );
      }
      return value;
    },
  };
}

function numberCodec(type: string, print: (value: number) => string): Codec<number> {
  return {
    validators: ["v.number()"],
    encode(text, meter) {
      const value = Number(text);
      if (text === "" || (Number.isNaN(value) && text !== "NaN")) throw notPrintedAs(type);
      meter.bytes += SIZE.number;
      return value;
    },
    decode: print,
  };
}

export const int64Codec: Codec<bigint> = {
  validators: ["v.int64()"],
  encode(text, meter) {
    if (!/^-?\d+$/.test(text)) throw notPrintedAs("bigint");
    meter.bytes += SIZE.int64;
    return BigInt(text);
  },
  decode: String,
};

export const byteaCodec: Codec<ArrayBuffer> = {
  validators: ["v.bytes()"],
  encode(text, meter) {
    const bytes = Buffer.from(text.slice(2), "hex");
    if (!text.startsWith("\\x") || bytes.length !== text.length / 2 - 1) {
      throw notPrintedAs("bytea", "bytea_output hex");
    }
    meter.bytes += SIZE.bytes + bytes.length;
    // A copy: small Buffers share one ArrayBuffer.
    return new Uint8Array(bytes).buffer;
  },
  decode: (value) => `\\x${Buffer.from(value).toString("hex")}`,
};

function notPrintedAs(type: string, settings?: string): Unencodable {
  const when = settings === undefined ? "" : ` in the setting ${settings}`;
  return new Unencodable("UNSUPPORTED_VALUE", `it is not printed as ${type}${when}`);
}
