import { describe, expect, it } from "vitest";
import { OPTION_ROWS } from "../../../src/config/option-table.js";

describe("the table of options", () => {
  it("every flag is the option's name in kebab case, or the short form that its users know", () => {
    const flags = OPTION_ROWS.filter(([, row]) => row.flag !== null).map(([name, row]) => [
      name,
      row.flag!.split(" ")[0],
    ]);
    const short: Record<string, string> = {
      ...{ configFile: "--config", metricsFile: "--metrics", queueUrl: "--queue" },
    };
    const expected = flags.map(([name]) => [
      name,
      short[name!] ?? `--${name!.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    ]);
    expect(flags).toEqual(expected);
  });
});
