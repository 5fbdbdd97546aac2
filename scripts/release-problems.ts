export interface ReleaseState {
  /** As package.json names it. */
  version: string;
  /** As `git status --porcelain` prints it. */
  status: string;
  branch: string;
  tags: readonly string[];
  changelog: string;
}

/** Why this is not to be released; none: it may be. */
export function findReleaseProblems({ version, status, branch, tags, changelog }: ReleaseState): string[] {
  const headings = changelog.split("\n").map((line) => line.trim());
  return [
    ...(status === "" ? [] : [`The tree is not clean:\n${status}`]),
    ...(branch === "main" ? [] : [`The branch is ${branch}, not main.`]),
    ...(headings.includes(`## ${version}`) ? [] : [`CHANGELOG.md has no heading "## ${version}".`]),
    ...(tags.includes(`v${version}`)
      ? [`The tag v${version} is there: raise the version in package.json.`]
      : []),
  ];
}
