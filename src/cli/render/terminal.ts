import wrapAnsi from "wrap-ansi";
import type { Surface } from "./paint.js";

/** Lines narrower than this are not read, they are counted. */
const NARROWEST = 20;

/** A terminal with so many columns. In a file of its own, so that runs of cron do not load what measures text. */
export function terminalOf(width: number): Surface {
  return {
    width,
    wrap: (text, lineWidth) =>
      text.split("\n").flatMap((line) => wrapAnsi(line, Math.max(NARROWEST, lineWidth)).split("\n")),
  };
}
