import { expect, test } from "vitest";
import { renderCosts } from "../../../src/cli/render/cost-report.js";
import { createPaint } from "../../../src/cli/render/paint.js";
import type { CostStatus } from "../../../src/model/report.js";
import { STATUS } from "../../support/sample-reports.js";

const FREE = { plan: "free", ioBytes: 1e9, storageBytes: 0.5e9, calls: 1_000_000 } as const;
const render = (given: Partial<CostStatus>) =>
  `\n${renderCosts({ ...STATUS.costs, ...given }, createPaint(false)).join("\n")}\n`;

test("without a budget", () => {
  expect(render({})).toMatchInlineSnapshot(`
    "
    in Convex                            in November  by its end
    function calls                               912       1,140
    database I/O    380.2 MiB read, 21.8 MiB written   548.6 MiB
    storage, about                         384.9 MiB           -
    "
  `);
});

test("against a plan", () => {
  expect(render({ budget: FREE })).toMatchInlineSnapshot(`
    "
    in Convex                            in November  by its end       of the budget
    function calls                               912       1,140  0.1 % of 1,000,000
    database I/O    380.2 MiB read, 21.8 MiB written   548.6 MiB        58 % of 1 GB
    storage, about                         384.9 MiB           -      81 % of 0.5 GB
    "
  `);
});

test("against amounts of which some are not limited, before there is a pace, and with mirrors of unknown size", () => {
  const budget = { ...FREE, plan: null, ioBytes: 250_000_000, calls: null };
  expect(render({ budget, projected: null, unsized: ["sow_poles", "sow_drops"] })).toMatchInlineSnapshot(`
    "
    in Convex                            in November  by its end     of the budget
    function calls                               912           -                 -
    database I/O    380.2 MiB read, 21.8 MiB written           -  169 % of 0.25 GB
    storage, about                         384.9 MiB           -    81 % of 0.5 GB
    The sizes of sow_poles, sow_drops are not known yet: the next rows that are sent tell them.
    "
  `);
});

test("what is beyond the budget is red", () => {
  const painted = renderCosts(
    { ...STATUS.costs, budget: { ...FREE, ioBytes: 0.5e9 } },
    createPaint(true),
  ).join("\n");
  expect(painted).toContain("\u001b[31m115 % of 0.5 GB\u001b[39m");
  expect(painted.split("\u001b[31m")).toHaveLength(2);
});
