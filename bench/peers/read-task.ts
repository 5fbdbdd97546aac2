/** What a peer is told, by its environment. */
export interface Task {
  databaseUrl: string;
  convexUrl: string;
  tables: string[];
  /** Where it may keep something from one run to the next. */
  stateFile: string;
}

export function readTask(): Task {
  const read = (name: string) => {
    const value = process.env[name];
    if (value === undefined) throw new Error(`${name} is not set.`);
    return value;
  };
  return {
    databaseUrl: read("DATABASE_URL"),
    convexUrl: read("CONVEX_URL"),
    tables: read("TABLES").split(","),
    stateFile: read("STATE_FILE"),
  };
}
