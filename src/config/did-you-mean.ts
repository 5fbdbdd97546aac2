import leven from "leven";

/** `Did you mean "exclude"?`, where one of the known names is near enough to be a slip of the fingers; else null. */
export function didYouMean(written: string, known: readonly string[]): string | null {
  const nearest = known
    .map((name) => ({ name, distance: leven(written.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  // One letter in three: more is another word, and a name of one or two letters is near to any other.
  if (nearest === undefined || written.length < 3 || nearest.distance > Math.ceil(written.length / 3))
    return null;
  return `Did you mean ${JSON.stringify(nearest.name)}?`;
}
