import { inject } from "vitest";

/** The path of the built command line, built at most once for each run of the tests. */
export async function findBuiltCli(): Promise<string> {
  const response = await fetch(`${inject("brokerUrl")}/built-cli`);
  const body = await response.text();
  if (!response.ok) throw new Error(body);
  return body;
}
