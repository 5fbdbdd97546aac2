import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { StatusReport, TableStatus } from "../../model/report.js";
import type { PageData } from "./collect.js";
import { Html, html, json } from "./html.js";
import { PAGE_SCRIPT } from "./page-script.js";
import { PAGE_STYLE } from "./page-style.js";

/** How amounts are written; the command line's own way of it, which lies above us. */
export interface Show {
  age(seconds: number): string;
  bytes(bytes: number): string;
  count(count: number): string;
  duration(ms: number): string;
  time(iso: string): string;
}

/** Runs that are listed below the plots. */
const LISTED_RUNS = 25;

/** One page that needs nothing else: styles, the plotting library and the data are in it. */
export async function renderPage(data: PageData, show: Show): Promise<string> {
  const { status, madeAt, series } = data;
  const folder = dirname(createRequire(import.meta.url).resolve("uplot/dist/uPlot.iife.min.js"));
  const [library, style] = await Promise.all(
    ["uPlot.iife.min.js", "uPlot.min.css"].map((name) => readFile(join(folder, name), "utf8")),
  );
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        />
        <title>${status.deployment}: datahub-sync</title>
        <style>
          ${new Html(style!)}${new Html(PAGE_STYLE)}
        </style>
      </head>
      <body>
        <main>
          <h1>${status.deployment}</h1>
          <p>${verdict(status)}</p>
          <p class="soft">
            Made by datahub-sync at ${show.time(madeAt)} UTC. Times in the tables are UTC; plots go by your
            clock.
          </p>
          <dl class="tiles">${tiles(data, show)}</dl>
          ${plots(data)}
          <h2>Mirrors</h2>
          <div class="scroll">${mirrors(status.tables, show)}</div>
          ${remarks(status)}
          <h2>Latest runs</h2>
          <div class="scroll">${runs(data, show)}</div>
        </main>
        <script type="application/json" id="data">
          ${json({ series, deployment: status.deployment })}
        </script>
        <script>
          ${new Html(library!)};
        </script>
        <script>
          ${new Html(PAGE_SCRIPT)};
        </script>
      </body>
    </html> `;
  return page.source;
}

function verdict({ exitCode, tables }: StatusReport): Html {
  const bad = tables.filter(({ problem }) => problem !== null).map(({ table }) => table);
  if (exitCode === 0) return html`<strong class="good">All mirrors are in order.</strong>`;
  if (bad.length > 0) return html`<strong class="bad">Needs somebody: ${bad.join(", ")}.</strong>`;
  return html`<strong class="warn">Something waits for somebody: see below.</strong>`;
}

function tile(name: string, value: string, more = "", state = ""): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd class="${state}">${value}<small>${more}</small></dd>
  </div>`;
}

function tiles({ status, runs }: PageData, show: Show): Html[] {
  const { tables, costs } = status;
  const rows = tables.reduce((sum, { rowsInMirror }) => sum + (rowsInMirror ?? 0), 0);
  const waiting = tables.reduce((sum, { changesWaiting }) => sum + (changesWaiting ?? 0), 0);
  const oldest = Math.max(-1, ...tables.map(({ ageSeconds }) => ageSeconds ?? -1));
  const failed = runs.filter((run) => run.failed.length > 0);
  const { documents, ledger, indexes } = costs.storage;
  const stored = documents + ledger + indexes;
  const io = costs.bytesRead + costs.bytesWritten;
  const ofBudget = (amount: number, limit: number | null | undefined) =>
    limit == null ? "" : `${Math.round((100 * amount) / limit)} % of the budget`;
  return [
    tile("Rows mirrored", show.count(rows), tables.length === 1 ? "one table" : `${tables.length} tables`),
    tile(
      "Oldest mirror",
      oldest < 0 ? "never loaded" : show.age(oldest),
      `${show.count(waiting)} changes wait`,
    ),
    tile(
      "Runs shown",
      show.count(runs.length),
      failed.length === 0 ? "none failed" : `${failed.length} failed`,
      failed.length === 0 ? "" : "bad",
    ),
    tile(
      `I/O in ${costs.month}`,
      show.bytes(io),
      ofBudget(costs.projected?.bytes ?? io, costs.budget?.ioBytes),
    ),
    tile("Stored, about", show.bytes(stored), ofBudget(stored, costs.budget?.storageBytes)),
  ];
}

interface Plot {
  plot: keyof PageData["series"];
  title: string;
  about: string;
  kind: "rows" | "bytes" | "seconds";
  names: string;
  colours: string;
}

const PLOTS: readonly Plot[] = [
  {
    plot: "changed",
    title: "Rows changed",
    about: "by each run, first loads left out",
    kind: "rows",
    names: "inserted,updated,deleted",
    colours: "--a,--b,--c",
  },
  {
    plot: "lag",
    title: "Lag",
    about: "how old the oldest mirror had become when the run ended",
    kind: "seconds",
    names: "lag",
    colours: "--b",
  },
  {
    plot: "io",
    title: "Database I/O",
    about: "that Convex bills, first loads left out",
    kind: "bytes",
    names: "read,written",
    colours: "--a,--b",
  },
  {
    plot: "seconds",
    title: "Duration",
    about: "of each run, first loads left out",
    kind: "seconds",
    names: "took",
    colours: "--a",
  },
  {
    plot: "storage",
    title: "Storage",
    about: "documents, ledger and indexes, about",
    kind: "bytes",
    names: "stored",
    colours: "--c",
  },
];

function plots({ runs }: PageData): Html {
  if (runs.length < 2)
    return html`<p class="soft">
      Plots need two runs at least; there ${runs.length === 1 ? "is one" : "are none"} yet.
    </p>`;
  return html`<h2>Over time</h2>
    <div class="plots">
      ${PLOTS.map(
        ({ plot, title, about, kind, names, colours }) =>
          html`<figure
            data-plot="${plot}"
            data-kind="${kind}"
            data-names="${names}"
            data-colours="${colours}"
          >
            <figcaption>${title}<small>${about}</small></figcaption>
            <div></div>
          </figure>`,
      )}
    </div>`;
}

function table(heads: readonly string[], rows: readonly (readonly (Html | string)[])[]): Html {
  return html`<table>
    <thead>
      <tr>
        ${heads.map((head) => html`<th>${head}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${row.map((cell) => html`<td>${cell}</td>`)}
          </tr> `,
      )}
    </tbody>
  </table>`;
}

function mirrors(tables: readonly TableStatus[], show: Show): Html {
  const count = (value: number | null) => (value === null ? "–" : show.count(value));
  const marked = (value: number) =>
    value === 0 ? "0" : html`<span class="warn">${show.count(value)}</span>`;
  return table(
    ["table", "Postgres", "mirror", "changes", "held back", "set aside", "age", "tracking"],
    tables.map((one) => [
      one.table,
      count(one.rowsInPostgres),
      count(one.rowsInMirror),
      count(one.changesWaiting),
      marked(one.deletionsHeldBack),
      marked(one.rejectedRows),
      one.ageSeconds === null ? "never" : show.age(one.ageSeconds),
      one.tracking === "intact"
        ? "intact"
        : one.tracking === "none"
          ? "compared"
          : html`<span class="bad">${one.tracking}</span>`,
    ]),
  );
}

/** Reasons, without keys: the page may be sent on. */
function remarks({ tables, notices }: StatusReport): Html | null {
  const texts = [
    ...tables.flatMap(({ table: name, problem }) => (problem === null ? [] : [`${name}: ${problem}`])),
    ...notices.map(({ message }) => message),
  ];
  if (texts.length === 0) return null;
  return html`<h2>To be looked at</h2>
    <ul>
      ${texts.map((text) => html`<li>${text}</li>`)}
    </ul>`;
}

function runs({ runs: oldestFirst }: PageData, show: Show): Html {
  const latest = oldestFirst.slice(-LISTED_RUNS).reverse();
  return table(
    ["began", "kind", "took", "inserted", "updated", "deleted", "calls", "I/O", "exit"],
    latest.map(({ startedAt, loaded, mode, durationMs, totals, exitCode, failed }) => [
      show.time(startedAt),
      loaded ? "first load" : mode,
      show.duration(durationMs),
      ...[totals.inserted, totals.updated, totals.deleted, totals.calls].map((value) => show.count(value)),
      show.bytes(totals.bytesRead + totals.bytesWritten),
      exitCode === 0
        ? html`<span class="good">0</span>`
        : html`<span class="${failed.length === 0 ? "warn" : "bad"}"
            >${[exitCode, ...failed].join(" ")}</span
          >`,
    ]),
  );
}
