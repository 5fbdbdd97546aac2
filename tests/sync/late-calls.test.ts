import { describe, expect, test, vi } from "vitest";
import { watchRun } from "../support/crash.js";
import { useMirrors, SMALL_PAGES } from "../support/mirror-fixture.js";
import { loadedMirror } from "../support/paged-mirror.js";

const open = useMirrors({ settings: SMALL_PAGES });

describe("calls and rows that come late", () => {
  test("a timed-out call that arrives after its row was deleted leaves no ghost", async () => {
    const mirror = await loadedMirror(open);
    await mirror.run("INSERT INTO $t VALUES (99, 'a ghost')");
    const realFetch = globalThis.fetch;
    let late: Parameters<typeof fetch> | undefined;
    const answers: unknown[] = [];
    const arrive = async () => {
      const response = await realFetch(...late!);
      answers.push(((await response.json()) as { errorData?: { code: string } }).errorData?.code);
    };
    const calls = vi.spyOn(globalThis, "fetch").mockImplementation(async (...call) => {
      const { path } = JSON.parse(call[1]!.body as string) as { path: string };
      if (path.endsWith(":applyBatch") && late === undefined) {
        late = call;
        throw new TypeError("fetch failed"); // nobody knows what became of it
      }
      // The row goes while its repetition is under way, and the same run deletes its document.
      if (path.endsWith(":rotateFence")) await mirror.run("DELETE FROM $t WHERE id = 99");
      if (path.endsWith(":finishRuns")) await arrive();
      return realFetch(...call);
    });
    try {
      await mirror.sync();
      await arrive();
      await mirror.sync();
      await arrive();
    } finally {
      calls.mockRestore();
    }
    expect(answers).toEqual(["STALE_TOKEN", "STALE_TOKEN", "STALE_TOKEN", "STALE_TOKEN"]);
    await mirror.compare();
  });

  test("a row that changes and changes back while a run compares everything ends right", async () => {
    const mirror = await loadedMirror(open);
    await mirror.run("UPDATE $t SET a = 'differs' WHERE id < 4");
    const { steps } = await watchRun(mirror, { mode: "deep" });
    for (let strike = 0; strike < steps.length; strike += 2) {
      await mirror.run(`UPDATE $t SET a = 'differs ${strike}' WHERE id < 4`);
      await watchRun(mirror, {
        mode: "deep",
        onStep: async (_, at) => {
          if (at === strike) await mirror.run("UPDATE $t SET a = 'for a moment' || id WHERE id IN (3, 15)");
          if (at === strike + 2) {
            await mirror.run(`UPDATE $t SET a = 'differs ${strike}' WHERE id = 3`);
            await mirror.run("UPDATE $t SET a = 'row 15' WHERE id = 15");
          }
        },
      });
      await mirror.sync();
      await mirror.compare();
    }
  });
});
