import type { Random } from "./random.js";

/**
 * Words for the generated rows. Nobody is meant: the names are obviously made up, telephone numbers begin
 * with 000, which no network assigns, addresses are of a street that does not exist, and e-mail addresses
 * are of example.com, which RFC 2606 reserves.
 */
const GIVEN_NAMES = ["Sample", "Example", "Demo", "Placeholder", "Testina", "Mockery", "Dummy", "Specimen"];
const SURNAMES = ["Fictional", "Invented", "Imaginary", "Nobody", "Madeup", "Unreal", "Pretend", "Façade"];
const STREETS = ["Example Street", "Sample Road", "Nowhere Avenue", "Placeholder Crescent", "Fiction Close"];
const REMARKS = [
  "Resident not at home, come back after 17:00",
  "Gate locked; dog in the yard",
  "Rock at 0.6 m, planted with jackhammer",
  "Signed on paper, to be scanned",
  "Moved 2 m to the left – driveway",
  'See photo 3 "before"',
  "Owner asks for a new date",
  "ok",
  "",
];

export const givenName = (random: Random) => random.pick(GIVEN_NAMES);
export const surname = (random: Random) => random.pick(SURNAMES);
export const person = (random: Random) => `${givenName(random)} ${surname(random)}`;
export const phoneNumber = (random: Random) => `000${random.integer(1_000_000, 9_999_999)}`;
export const identityNumber = (random: Random) => `0000000${random.integer(100_000, 999_999)}`;
export const emailAddress = (random: Random) =>
  `${givenName(random)}.${random.integer(1, 9_999)}@example.com`.toLowerCase();
export const address = (random: Random) =>
  `${random.integer(1, 400)} ${random.pick(STREETS)}, Testville, 0000`;
export const remark = (random: Random) => random.pick(REMARKS);

/** A moment of the two years before November 2025, as `2025-03-07 14:05:09`. */
export function moment(random: Random): string {
  return `${day(random)} ${twoDigits(random.integer(6, 18))}:${twoDigits(random.integer(0, 59))}:${twoDigits(random.integer(0, 59))}`;
}

export function day(random: Random): string {
  const months = random.integer(0, 23);
  const year = months < 2 ? 2023 : months < 14 ? 2024 : 2025;
  return `${year}-${twoDigits(((months + 10) % 12) + 1)}-${twoDigits(random.integer(1, 28))}`;
}

/** A fixed number of decimals, as Postgres prints a `numeric` of that scale. `around` is in the same unit. */
export function decimal(random: Random, around: number, spread: number, digits: number): string {
  return (around + (spread * random.integer(-1_000_000, 1_000_000)) / 1_000_000).toFixed(digits);
}

const twoDigits = (number: number) => String(number).padStart(2, "0");
