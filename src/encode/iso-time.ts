import { Unencodable, type Codec } from "./codec.js";
import { chargeText } from "./value-size.js";

/**
 * Dates and timestamps as ISO 8601 strings of one width, so that they sort as time does within the years 0000 to
 * 9999: `2024-01-31`, `2024-01-31T12:34:56.789000`, and with time zone `2024-01-31T12:34:56.789000Z`. Years beyond
 * have a sign and at least six digits, as in JavaScript: 44 BC is `-000043`. `infinity` and `-infinity` stay.
 */
export const dateCodec = isoCodec("date", "");
export const timestampCodec = isoCodec("timestamp", "");
/** Postgres prints the offset of its TimeZone, which is pinned to UTC: any other is a session gone wrong. */
export const timestamptzCodec = isoCodec("timestamp with time zone", "+00");

/** Year, month and day, time, fraction, offset, era. */
const POSTGRES_TIME = /^(\d{4,})(-\d\d-\d\d)(?: (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(\+00)?)?( BC)?$/;
/** Year, month and day, time, fraction, zone. */
const ISO_TIME = /^([+-]?\d{4,})(-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)\.(\d{6})(Z)?)?$/;

function isoCodec(type: string, offset: "" | "+00"): Codec<string> {
  return {
    validators: ["v.string()"],
    encode(text, meter) {
      const iso = isInfinite(text) ? text : toIso(text, type, offset);
      chargeText(iso, meter);
      return iso;
    },
    decode: (iso) => (isInfinite(iso) ? iso : toPostgres(iso)),
  };
}

function isInfinite(text: string): boolean {
  return text === "infinity" || text === "-infinity";
}

function toIso(text: string, type: string, expectedOffset: string): string {
  const match = POSTGRES_TIME.exec(text);
  const [, year, monthAndDay, time, fraction = "", offset = "", era] = match ?? [];
  if (match === null || offset !== expectedOffset || (time === undefined) !== (type === "date")) {
    throw new Unencodable(
      "UNSUPPORTED_VALUE",
      `it is not printed as a ${type} in the settings TimeZone UTC and DateStyle ISO`,
    );
  }
  const date = `${toIsoYear(year!, era !== undefined)}${monthAndDay}`;
  if (time === undefined) return date;
  return `${date}T${time}.${fraction.padEnd(6, "0")}${offset === "" ? "" : "Z"}`;
}

function toPostgres(iso: string): string {
  const match = ISO_TIME.exec(iso);
  if (match === null) throw new Error("A mirrored time is not in the form that it was written in");
  const [, isoYear, monthAndDay, time, microseconds, zone] = match;
  const year = Number(isoYear);
  const date = `${String(year > 0 ? year : 1 - year).padStart(4, "0")}${monthAndDay}`;
  const era = year > 0 ? "" : " BC";
  if (time === undefined) return `${date}${era}`;
  const fraction = microseconds!.replace(/0+$/, "");
  return `${date} ${time}${fraction === "" ? "" : `.${fraction}`}${zone === undefined ? "" : "+00"}${era}`;
}

/** ISO has a year 0000, which is 1 BC. */
function toIsoYear(text: string, beforeChrist: boolean): string {
  if (text.length === 4 && !beforeChrist) return text;
  const year = beforeChrist ? 1 - Number(text) : Number(text);
  if (year === 0) return "0000";
  return `${year < 0 ? "-" : "+"}${String(Math.abs(year)).padStart(6, "0")}`;
}
