/**
 * Draws the plots, in the browser. Written as text, since it runs there and nowhere else; what it draws is in the page as
 * JSON, and without it the tables tell the rest.
 */
export const PAGE_SCRIPT = `
"use strict";
const { series, deployment } = JSON.parse(document.getElementById("data").textContent);
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(name).trim();
const units = (value, steps) => {
  if (value === 0) return "0";
  let [name, size] = steps[0];
  for (const [other, from] of steps) if (Math.abs(value) >= from) [name, size] = [other, from];
  return +(value / size).toPrecision(3) + " " + name;
};
const SHOW = {
  rows: (value) => value.toLocaleString("en-US"),
  bytes: (value) => units(value, [["B", 1], ["KiB", 1024], ["MiB", 1024 ** 2], ["GiB", 1024 ** 3]]),
  seconds: (value) => units(value, [["s", 1], ["min", 60], ["h", 3600], ["d", 86400]]),
};
// Marks that read well: halves and quarters of hours, doubles of bytes, 1, 2 and 5 of rows.
const decimal = [...Array(10).keys()].flatMap((power) => [1, 2, 5].map((of) => of * 10 ** power));
const STEPS = {
  rows: decimal,
  bytes: [...Array(40).keys()].map((power) => 2 ** power),
  seconds: [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200]
    .concat(decimal.map((days) => days * 86400)),
};
const date = (seconds, day) =>
  new Date(seconds * 1000).toLocaleString("en-GB", day ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" });
const widthOf = (figure) => figure.querySelector("div").clientWidth;
const plots = [];
for (const figure of document.querySelectorAll("figure[data-plot]")) {
  const { plot, kind, names, colours } = figure.dataset;
  const show = SHOW[kind];
  const values = series[plot];
  const lines = Array.isArray(values[0]) ? values : [values];
  const options = {
    width: widthOf(figure),
    height: 180,
    cursor: { sync: { key: deployment } },
    legend: { live: true },
    scales: { x: { time: true }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    padding: [8, 20, 0, 0],
    axes: [
      {
        size: 30, values: (_, marks, __, ___, step) =>
          marks.map((mark, place) => {
            const midnight = new Date(mark * 1000).getHours() === 0;
            return date(mark, step >= 86400 || midnight || place === 0);
          }),
        stroke: colour("--soft"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") },
      },
      {
        stroke: colour("--soft"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") },
        size: 72, space: 28, incrs: STEPS[kind], values: (_, marks) => marks.map(show),
      },
    ],
    series: [
      { label: "run of", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
      ...lines.map((_, place) => ({
        label: names.split(",")[place],
        stroke: colour(colours.split(",")[place]),
        width: 1.5,
        points: { show: series.at.length < 60, size: 5 },
        value: (_, value) => (value == null ? "–" : show(value)),
      })),
    ],
  };
  plots.push([new uPlot(options, [series.at, ...lines], figure.querySelector("div")), figure]);
}
const resize = () => {
  for (const [plot, figure] of plots) plot.setSize({ width: widthOf(figure), height: 180 });
};
addEventListener("resize", resize);
`;
