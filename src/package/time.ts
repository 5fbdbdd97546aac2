/** A time as mirrored, or as Postgres prints it within ranges, composites and array literals. */
const TIME = /^([+-]?\d{4,})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:Z|\+00)?)?( BC)?$/;

/** After 400 years the Gregorian calendar repeats itself to the day of the week. */
const SECONDS_OF_400_YEARS = 146_097 * 86_400;

/**
 * The instant of a mirrored date, timestamp or timestamptz, to the millisecond: a `Date` has no microseconds, so
 * they are cut off. What has no time zone is read as UTC, where `new Date` would take the reader's own zone; a date
 * is its first millisecond.
 * @throws RangeError for `infinity` and `-infinity`, and beyond the about 271,800 years to each side that a Date has
 * @example
 * ```ts
 * import { toDate } from "datahub-sync/values";
 *
 * toDate("2025-01-31T10:00:00.123456Z"); // new Date("2025-01-31T10:00:00.123Z")
 * ```
 */
export function toDate(text: string): Date {
  const { seconds, microseconds } = readTime(text);
  const date = new Date(seconds * 1_000 + Math.floor(microseconds / 1_000));
  if (Number.isNaN(date.getTime())) throw new RangeError("The time lies beyond those that a Date holds.");
  return date;
}

/**
 * The instant of a mirrored date, timestamp or timestamptz in microseconds since 1970-01-01 UTC, nothing lost. What
 * has no time zone is read as UTC.
 * @throws RangeError for `infinity` and `-infinity`
 * @example
 * ```ts
 * import { toMicroseconds } from "datahub-sync/values";
 *
 * toMicroseconds("2025-01-31T10:00:00.123456Z"); // 1738317600123456n
 * ```
 */
export function toMicroseconds(text: string): bigint {
  const { seconds, microseconds } = readTime(text);
  return BigInt(seconds) * 1_000_000n + BigInt(microseconds);
}

/** Seconds since 1970, and the microseconds after them, also before 1970. */
function readTime(text: string): { seconds: number; microseconds: number } {
  const match = TIME.exec(text);
  if (match === null) {
    throw /^-?infinity$/.test(text)
      ? new RangeError("An infinite time is no instant: compare the text with infinity and -infinity first.")
      : new RangeError("The text is no date or timestamp of a mirror.");
  }
  const [, yearText, month, day, hour = "0", minute = "0", second = "0", fraction = "", era] = match;
  const year = era === undefined ? Number(yearText) : 1 - Number(yearText);
  // One cycle more, since Date.UTC takes the years 0 to 99 for those of the 20th century.
  const cycles = Math.floor(year / 400) - 1;
  const [hours, minutes, wholeSeconds] = [Number(hour), Number(minute), Number(second)];
  const milliseconds = Date.UTC(
    year - cycles * 400,
    Number(month) - 1,
    Number(day),
    hours,
    minutes,
    wholeSeconds,
  );
  return {
    seconds: milliseconds / 1_000 + cycles * SECONDS_OF_400_YEARS,
    microseconds: Number(fraction.padEnd(6, "0")),
  };
}
