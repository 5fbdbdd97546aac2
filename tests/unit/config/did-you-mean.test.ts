import { beforeEach, describe, expect, it, test } from "vitest";
import { didYouMean } from "../../../src/config/did-you-mean.js";
import { COMPLETE, makeConfigFolder, type ConfigFolder } from "../../support/config-folder.js";

test.each([
  ["exlude", 'Did you mean "exclude"?'],
  ["UpdatedAt", 'Did you mean "updatedAt"?'],
  ["contnet", 'Did you mean "content"?'],
  ["something", null],
  ["b", null],
])("%s", (written, guess) => {
  expect(didYouMean(written, ["exclude", "updatedAt", "content", "a"])).toBe(guess);
});

describe("a slip of the fingers", () => {
  let folder: ConfigFolder;
  beforeEach(() => {
    folder = makeConfigFolder();
  });

  it("in the configuration file is guessed, and what explains the file is said once", async () => {
    const tables = [
      { relation: "a", exlude: ["x"] },
      { relation: "b", updatedAt: "contents" },
      { mirror: "c" },
    ];
    folder.write("datahub-sync.config.json", JSON.stringify({ tables }));
    const { message, remedy } = await folder.failure({});
    expect(message).toMatch(/has "exlude"; known are .*\n {5}Did you mean "exclude"\?/);
    expect(message).toMatch(/is "contents", expected one of .*\n {5}Did you mean "content"\?/);
    expect(message).toMatch(/tables\[2\]\.relation is missing\.\n {5}Add it\./);
    expect(`${message}${remedy}`.match(/docs\/configuration\.md/g)).toHaveLength(1);
    expect(remedy).not.toContain(".env.example");
  });

  it("in --table is guessed", async () => {
    folder.write("datahub-sync.config.json", JSON.stringify({ tables: [{ relation: "sow_poles" }] }));
    const { remedy } = await folder.failure({ tables: ["sow_pole"] });
    expect(remedy).toBe('Did you mean "sow_poles"? It has sow_poles.');
  });

  it("in a variable of ours is warned of, which would be left out without a word", async () => {
    const { warnings } = await folder.load({ environment: { ...COMPLETE, DATAHUB_SYNC_LEASE_SECOND: "3" } });
    expect(warnings).toEqual([
      'DATAHUB_SYNC_LEASE_SECOND (from the environment) is no variable of datahub-sync, and is left out. Did you mean "DATAHUB_SYNC_LEASE_SECONDS"?',
    ]);
  });
});
