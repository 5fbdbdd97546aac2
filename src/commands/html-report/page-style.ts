export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2430; --soft: #5d6675; --line: #e4e2dc;
  --good: #1a7f4b; --warn: #a15c00; --bad: #b3261e; --a: #2458a6; --b: #c2631a; --c: #7a3e9d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171c; --card: #1c2027; --ink: #e8e6e1; --soft: #9aa3b2; --line: #313742;
    --good: #5cc48d; --warn: #e0a458; --bad: #f2867d; --a: #7fb0f5; --b: #f0a56b; --c: #c79be0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 32px 0 12px; }
p { margin: 4px 0; }
.soft, figcaption small { color: var(--soft); }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0 0; padding: 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.tiles dt { color: var(--soft); font-size: 13px; }
.tiles dd { margin: 2px 0 0; font-size: 20px; font-weight: 600; line-height: 1.25; }
.tiles dd small { display: block; font-size: 13px; font-weight: 400; color: var(--soft); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 12px 6px; min-width: 0; }
.plots figure:first-child { grid-column: 1 / -1; }
figcaption { font-weight: 600; } figcaption small { font-weight: 400; display: block; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: 7px 12px; text-align: right; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 13px; }
th:first-child, td:first-child, .left { text-align: left; }
ul { margin: 0; padding-left: 20px; } li { margin: 4px 0; }
.u-legend { color: var(--soft); font-size: 13px; } .u-legend th { border: 0; padding: 4px; } .u-legend td { border: 0; padding: 4px; }
.u-legend { width: auto; white-space: normal; }
`;
