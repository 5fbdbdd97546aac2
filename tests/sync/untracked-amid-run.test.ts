import { expect, test } from "vitest";
import { nth, watchRun } from "../support/crash.js";
import { useMirrors } from "../support/mirror-fixture.js";

const open = useMirrors();

test.each(["writing the progress", "announcing the end", "moving the watermark"])(
  "a table that is untracked before %s fails by itself, and the others are mirrored",
  async (doing) => {
    const mirror = await open({
      ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text); CREATE TABLE $t_b (id int PRIMARY KEY, a text)",
      mirrors: [{ relation: "$t" }, { relation: "$t_b" }],
    });
    await mirror.run(
      "INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 9) n; INSERT INTO $t_b VALUES (1, 'a')",
    );
    const isTime = nth(1, (step) => step.startsWith(`Postgres: ${doing}`));
    const { report } = await watchRun(mirror, {
      onStep: async (step) => {
        if (isTime(step)) await mirror.run("SELECT datahub_sync.untrack('$t')");
      },
    });
    expect(report).toMatchObject({ exitCode: 1 });
    const [first, second] = report!.tables;
    expect(first).toMatchObject({
      outcome: "failed",
      error: {
        code: "NOT_TRACKED",
        message: expect.stringContaining("while this run was going on") as string,
      },
    });
    expect(second).toMatchObject({ outcome: "done", inserted: 1 });

    await mirror.migrate();
    expect(await mirror.sync()).toMatchObject({ mode: "full" });
    await mirror.compare();
    expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 0, notices: [] });
  },
);
