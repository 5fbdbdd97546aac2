import postgres from "postgres";

/** The settings in which docs/values.md says that Postgres prints. */
const PINNED_SETTINGS = {
  TimeZone: "UTC",
  DateStyle: "ISO",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  lc_monetary: "C",
};

/** A connection of the test's own on which every value is the text that Postgres prints: the driver parses none. */
export function connectForReading({ url }: { url: string }): postgres.Sql {
  const parsedByDriver = [16, 17, 20, 21, 23, 26, 114, 700, 701, 1082, 1114, 1184, 3802];
  return postgres(url, {
    max: 1,
    fetch_types: false,
    onnotice: () => {},
    connection: PINNED_SETTINGS,
    types: { text: { to: 25, from: parsedByDriver, serialize: String, parse: (text: string) => text } },
  });
}
