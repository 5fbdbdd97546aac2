import type { Problem } from "./problems.js";
import { parseRelationName, showRelationName } from "./relation-name.js";
import type { MirrorConfig } from "../model/config.js";

/** The mirrors that `name` means: the one of this name, or else all of the relation of this name. */
function matching(mirrors: readonly MirrorConfig[], name: string): MirrorConfig[] {
  const named = mirrors.filter((mirror) => mirror.name === name);
  if (named.length > 0) return named;
  const relation = parseRelationName(name);
  return mirrors.filter(
    (mirror) => relation?.schema === mirror.relation.schema && relation.name === mirror.relation.name,
  );
}

/**
 * The mirrors that a repeatable flag names, by mirror or by relation, in the configuration's order.
 * `known` is what may be named; a name outside of it becomes a problem that lists what is there.
 */
export async function selectMirrors(
  known: readonly MirrorConfig[],
  names: readonly string[],
  flag: string,
): Promise<{ selected: MirrorConfig[]; problems: Problem[] }> {
  const selected = new Set<MirrorConfig>();
  const problems: Problem[] = [];
  for (const name of names) {
    const found = matching(known, name);
    for (const mirror of found) selected.add(mirror);
    if (found.length === 0) {
      // Loaded for a mistake alone.
      const { didYouMean } = await import("./did-you-mean.js");
      const spellings = known.flatMap(({ name: mirror, relation }) => [mirror, showRelationName(relation)]);
      const guess = didYouMean(name, spellings);
      problems.push({
        kind: "usage",
        message: `${flag} ${name}: the configuration has no such table.`,
        remedy: `${guess === null ? "" : `${guess} `}It has ${known.map(showMirror).join(", ")}.`,
      });
    }
  }
  return { selected: known.filter((mirror) => selected.has(mirror)), problems };
}

function showMirror({ name: mirror, relation }: MirrorConfig): string {
  const shown = showRelationName(relation);
  return shown === mirror ? mirror : `${mirror} (from ${shown})`;
}
