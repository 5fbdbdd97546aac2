import { getContainerRuntimeClient } from "testcontainers";

/** Asks the engine that testcontainers would use. Null when it answers; else why there is none, in one line. */
export async function findContainerProblem(): Promise<string | null> {
  try {
    await getContainerRuntimeClient();
    return null;
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}
