import { defineConfig } from "drizzle-kit";

/** `npm run db:generate:source` prints the DDL of the source tables for the local deployment. */
export default defineConfig({ dialect: "postgresql", schema: "./drizzle/source.ts" });
