import { defineConfig } from "drizzle-kit";

/** `npm run db:generate` writes the next migration of our own tables into `migrations/`. */
export default defineConfig({
  dialect: "postgresql",
  schema: "./drizzle/state.ts",
  out: "./migrations",
  schemaFilter: ["datahub_sync"],
});
