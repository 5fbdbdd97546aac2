/*
 * Days and microseconds since 1970 as Postgres prints them with DateStyle ISO in UTC. A Date ends some 275,000 years from
 * now, and has no microseconds; Postgres goes from 4713 BC to the year 5,874,897.
 */

const DAYS_OF_400_YEARS = 146_097;
/** From 1 March of the year 0, where a leap day is a year's last day, to 1970. */
const DAYS_TO_1970 = 719_468;
const MICROSECONDS_A_DAY = 86_400_000_000n;

/** `2026-11-26`, `0044-03-15 BC`. */
export function dateText(days: number): string {
  const { date, era } = calendar(days);
  return `${date}${era}`;
}

/** `2026-11-26 13:00:00.25+00`; without a zone where it has none. */
export function timestampText(microseconds: bigint, withZone: boolean): string {
  const time = ((microseconds % MICROSECONDS_A_DAY) + MICROSECONDS_A_DAY) % MICROSECONDS_A_DAY;
  const { date, era } = calendar(Number((microseconds - time) / MICROSECONDS_A_DAY));
  const seconds = Number(time / 1_000_000n);
  const [hour, minute, second] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const fraction = String(time % 1_000_000n)
    .padStart(6, "0")
    .replace(/0+$/, "");
  const clock = [hour, minute, second].map((part) => String(part).padStart(2, "0")).join(":");
  return `${date} ${clock}${fraction && `.${fraction}`}${withZone ? "+00" : ""}${era}`;
}

/** The proleptic Gregorian calendar, counted in cycles of 400 years that begin in March. */
function calendar(days: number): { date: string; era: string } {
  const shifted = days + DAYS_TO_1970;
  const cycle = Math.floor(shifted / DAYS_OF_400_YEARS);
  const dayOfCycle = shifted - cycle * DAYS_OF_400_YEARS;
  const yearOfCycle = Math.floor(
    (dayOfCycle -
      Math.floor(dayOfCycle / 1460) +
      Math.floor(dayOfCycle / 36_524) -
      Math.floor(dayOfCycle / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfCycle - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0);
  // There is no year 0: it is 1 BC.
  const shown = String(year > 0 ? year : 1 - year).padStart(4, "0");
  const two = (part: number) => String(part).padStart(2, "0");
  return { date: `${shown}-${two(month)}-${two(day)}`, era: year > 0 ? "" : " BC" };
}
