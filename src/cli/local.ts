import { InvalidArgumentError, Option, type Command } from "commander";
import { VERBOSE } from "./flags.js";

export interface LocalFlags {
  scale: number;
  seed: number;
  empty?: boolean;
  databaseUrl?: boolean;
  envFile?: string;
  port?: number;
  writeEnv?: string;
  verbose?: boolean;
}

export function defineLocal(command: Command): Command {
  return command
    .description(
      "start a local Postgres with generated tables and a local Convex deployment, to try things out",
    )
    .option("--scale <number>", "how many rows: 1 is 60,000", between(0, 100), 1)
    .option("--empty", "no tables and no functions: for tables of your own, and `npx convex deploy`")
    .addOption(
      new Option(
        "--database-url",
        "no Postgres of its own: the one that the variable DATABASE_URL names, which is left as it is",
      ).conflicts(["scale", "seed"]),
    )
    .option(
      "--env-file <file>",
      "with --database-url: read the variable from this file instead of .env.local and .env",
    )
    .option("--seed <number>", "what the generated data depends on", wholeBetween(0, 2 ** 31 - 1), 1)
    .option("--port <number>", "port of the Convex deployment; default: a free one", wholeBetween(1, 65_535))
    .option(
      "--write-env <file>",
      "write DATABASE_URL, CONVEX_URL and the keys to this file; removed at the end",
    )
    .option(...VERBOSE)
    .addHelpText(
      "after",
      `
It prints one JSON line when it is ready, and runs until SIGINT or SIGTERM; nothing is left behind.

Examples:
  $ datahub-sync local --scale 0.1 --write-env .env.demo
  $ datahub-sync migrate --env-file .env.demo          in another terminal
  $ datahub-sync sync --env-file .env.demo
  $ datahub-sync local --empty --write-env .env.mine   then psql, and npx convex deploy --env-file .env.mine
  $ datahub-sync local --database-url --write-env .env.mine
                                                       your Postgres, and a Convex deployment to try it with`,
    );
}

function between(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !(value > min && value <= max)) {
      throw new InvalidArgumentError(`It must be a number above ${min} and at most ${max}.`);
    }
    return value;
  };
}

function wholeBetween(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}
