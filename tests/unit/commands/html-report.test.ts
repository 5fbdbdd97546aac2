import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { toSeries } from "../../../src/commands/html-report/collect.js";
import { html, json } from "../../../src/commands/html-report/html.js";
import { renderPage } from "../../../src/commands/html-report/page.js";
import { PAGE_SCRIPT } from "../../../src/commands/html-report/page-script.js";
import { showAge, showBytes, showCount, showDuration, showTime } from "../../../src/cli/render/human.js";
import type { RunSummary, StatusReport, TableStatus } from "../../../src/model/report.js";
import { NOTHING, STATUS } from "../../support/sample-reports.js";

const SHOW = { age: showAge, bytes: showBytes, count: showCount, duration: showDuration, time: showTime };

const run = (day: number, given: Partial<RunSummary> = {}): RunSummary => ({
  id: `${day}`,
  mode: "delta",
  startedAt: `2025-11-0${day}T00:00:00.000Z`,
  durationMs: 60_000,
  exitCode: 0,
  loaded: false,
  totals: { ...NOTHING, inserted: 2, updated: 3, deleted: 1, bytesRead: 10, bytesWritten: 20 },
  watermarkAt: `2025-11-0${day}T00:00:30.000Z`,
  grown: { a: 1 },
  failed: [],
  ...given,
});

const table = (name: string, rowsInMirror: number) =>
  ({ ...TABLE, table: name, rowsInMirror, rowsInPostgres: rowsInMirror }) as unknown as TableStatus;
const TABLE = {
  ...{ changesWaiting: 0, deletionsHeldBack: 0, rejectedRows: 0, ageSeconds: 60, tracking: "intact" },
  ...{ problem: null, rejected: [] },
};

const status = (given: Partial<StatusReport> = {}): StatusReport => ({
  ...STATUS,
  tables: [table("a", 10), table("b", 10)],
  costs: { ...STATUS.costs, storage: { documents: 100, ledger: 60, indexes: 40 } },
  ...given,
});

describe("what is plotted", () => {
  test("is by the run; a first load hides nothing, and what is not known is left out", () => {
    const runs = [run(1, { loaded: true }), run(2), run(3, { watermarkAt: null }), run(5)];
    const series = toSeries(runs, status());
    expect(series.changed).toEqual([
      [null, 2, 2, 2],
      [null, 3, 3, 3],
      [null, 1, 1, 1],
    ]);
    expect(series.seconds).toEqual([null, 60, 60, 60]);
    // From the watermark that the run before had left, to the end of this one.
    expect(series.lag).toEqual([null, 86_430, 86_430, null]);
    expect(series.at[1]! - series.at[0]!).toBe(86_400);
  });

  test("storage is told backwards from now, by what each run added and removed", () => {
    const runs = [
      run(1, { grown: { a: 4, b: 8 } }),
      run(2, { grown: { a: -2 } }),
      run(3, { grown: { a: 3, gone: 9 } }),
    ];
    expect(toSeries(runs, status()).storage).toEqual([190, 170, 200]);
    expect(toSeries(runs, status({ tables: [] })).storage).toEqual([null, null, null]);
  });
});

/** Without the page in the message, which is long. */
const expectIn = (page: string, ...texts: string[]) =>
  expect(texts.filter((text) => !page.includes(text))).toEqual([]);

describe("the page", () => {
  /** In one line: where lines break says nothing. */
  const made = async (given: Partial<StatusReport> = {}, runs = [run(1), run(2)]) => {
    const of = status(given);
    const page = await renderPage(
      { status: of, runs, madeAt: "2025-11-22T10:15:00.000Z", series: toSeries(runs, of) },
      SHOW,
    );
    return page.replace(/\s+/g, " ").replace(/ ?([<>]) ?/g, "$1");
  };

  test("needs nothing from elsewhere, and takes no text for markup", async () => {
    const evil = `</script><script>alert("1")</script>`;
    const page = await made({
      deployment: evil,
      tables: [table(`<b>${evil}`, 1)],
      notices: [{ code: "RESUMED", message: `"quoted" & <i>` }],
    });
    expect(page.includes(evil)).toBe(false);
    expect(page.includes("<b>")).toBe(false);
    expectIn(page, "&quot;quoted&quot; &amp; &lt;i&gt;");
    // Three scripts: the data, the library, ours. None is fetched, and the policy lets nothing be.
    expect(page.match(/<script/g)).toHaveLength(3);
    expect(/<(script|link|img)[^>]*(src|href)=/.test(page)).toBe(false);
    expect(page).toContain(
      `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"`,
    );
  });

  test("says what is wrong, and plots from two runs on", async () => {
    const bad = { ...table("a", 1), problem: "Its table is gone.", tracking: "missing" } as TableStatus;
    const page = await made({ exitCode: 6, tables: [bad] }, [run(1, { exitCode: 1, failed: ["a"] })]);
    expectIn(page, "Needs somebody: a.");
    expectIn(page, "<li>a: Its table is gone.</li>");
    expectIn(page, `<span class="bad">1 a</span>`);
    expect(page.includes("<figure data-plot")).toBe(false);
    expect((await made()).match(/<figure data-plot/g)).toHaveLength(5);
    expectIn(await made(), "All mirrors are in order.");
  });

  test("its script draws each plot from the data that stands in the page", async () => {
    const page = await made();
    const drawn: { series: number; points: number; marks: string[] }[] = [];
    const data = /id="data">(.*?)<\/script>/s.exec(page)![1]!;
    const figures = [
      ...page.matchAll(/data-plot="(\w+)" data-kind="(\w+)" data-names="([\w,]+)" data-colours="([\w,-]+)"/g),
    ].map(([, plot, kind, names, colours]) => ({
      dataset: { plot, kind, names, colours },
      querySelector: () => ({ clientWidth: 400 }),
    }));
    interface Options {
      axes: { values: (...args: unknown[]) => string[] }[];
      series: unknown[];
    }
    runInNewContext(PAGE_SCRIPT, {
      document: {
        documentElement: null,
        getElementById: () => ({ textContent: data }),
        querySelectorAll: () => figures,
      },
      getComputedStyle: () => ({ getPropertyValue: () => " #123456 " }),
      addEventListener: () => {},
      uPlot: function (options: Options, values: unknown[][]) {
        drawn.push({
          series: options.series.length,
          points: values.length,
          marks: options.axes[1]!.values(null, [0, 90, 86_400, 5_000_000]),
        });
      },
    });
    expect(drawn.map(({ series, points }) => [series, points])).toEqual([
      [4, 4],
      [2, 2],
      [3, 3],
      [2, 2],
      [2, 2],
    ]);
    expect(drawn[0]!.marks).toEqual(["0", "90", "86,400", "5,000,000"]);
    expect(drawn[1]!.marks).toEqual(["0", "1.5 min", "1 d", "57.9 d"]);
    expect(drawn[2]!.marks).toEqual(["0", "90 B", "84.4 KiB", "4.77 MiB"]);
  });
});

test("pieces of HTML are taken as they are, texts are not", () => {
  expect(html`<p>${["a", html`<b>${"<"}</b>`, null, 3]}</p>`.source).toBe("<p>a<b>&lt;</b>3</p>");
  expect(json({ text: "</script>" }).source).toBe('{"text":"\\u003c/script>"}');
});
