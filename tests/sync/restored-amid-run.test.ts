import { describe, expect, test } from "vitest";
import { isProgress, nth, watchRun, type Step } from "../support/crash.js";
import { useMirrors, SMALL_PAGES } from "../support/mirror-fixture.js";
import { expectFull, loadedMirror } from "../support/paged-mirror.js";

const open = useMirrors({ settings: SMALL_PAGES });

/** True for the steps after the first that matches. */
function after(matches: (step: Step) => boolean): (step: Step) => boolean {
  let passed = false;
  return (step) => {
    if (passed) return true;
    passed = matches(step);
    return false;
  };
}
const isAdvance = (step: Step): boolean => step.startsWith("Postgres: moving the watermark");

describe("invariant 6: a run was interrupted, and Convex was restored", () => {
  test("to before that run, of which a part was acknowledged", async () => {
    const mirror = await loadedMirror(open);
    const before = mirror.deployment.export();
    await mirror.run("UPDATE $t SET a = 'b' WHERE id <= 12");
    await watchRun(mirror, { crashBefore: after(isProgress) });
    mirror.deployment.import(before);
    await mirror.expireLease();
    await expectFull(mirror, /Convex was restored to before what the interrupted run had written/);
  });

  test.each(["moving the watermark", "taking the snapshot"])(
    "to before both it and the run that went on with it, which crashed after %s",
    async (last) => {
      const mirror = await loadedMirror(open);
      const before = mirror.deployment.export();
      await mirror.run("UPDATE $t SET a = 'b' WHERE id <= 12");
      await watchRun(mirror, { crashBefore: after(isProgress) });
      await mirror.expireLease();
      const isLast = (step: Step) => step.startsWith(`Postgres: ${last}`);
      await watchRun(mirror, { crashBefore: after(nth(last === "moving the watermark" ? 1 : 2, isLast)) });
      mirror.deployment.import(before);
      await mirror.expireLease();
      await expectFull(mirror, /one of the two was restored/);
    },
  );

  test.each([
    ["before", "", []],
    ["in", "", []],
    ["in", ", as did those after it before they began", ["delta", "full"] as const],
  ])(
    "to %s the run that went on with it, which crashed when the interrupted one was complete%s",
    async (when, _, later) => {
      const mirror = await loadedMirror(open);
      await mirror.run("UPDATE $t SET a = 'b' WHERE id <= 12");
      await watchRun(mirror, { crashBefore: after(isProgress) });
      let backup = mirror.deployment.export();
      await mirror.expireLease();
      const isFirst = nth(1, isProgress);
      await watchRun(mirror, {
        crashBefore: after(isAdvance),
        onStep: (step) => {
          if (when === "in" && isFirst(step)) backup = mirror.deployment.export();
        },
      });
      for (const mode of later) {
        await mirror.expireLease();
        await watchRun(mirror, { mode, crashBefore: (step) => step === "Convex: beginRuns" });
      }
      mirror.deployment.import(backup);
      await mirror.expireLease();
      await expectFull(mirror, /Convex was restored to before/);
    },
  );

  test("to before that run, which had made deletions that were held back until then: they are made again", async () => {
    const mirror = await loadedMirror(open);
    await mirror.run("DELETE FROM $t WHERE id > 5");
    expect(await mirror.sync()).toMatchObject({ heldBack: 15 });
    const before = mirror.deployment.export();
    const isEnd = (step: Step) => step === "Convex: finishRuns";
    await watchRun(mirror, { allowDeletes: true, crashBefore: isEnd });
    expect(mirror.documents()).toHaveLength(5);
    mirror.deployment.import(before);
    await mirror.expireLease();
    await expectFull(mirror, /Convex was restored to before what the interrupted run had written/);
  });
});
