import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { configFileJsonSchema, envExample, renewReadme } from "./option-documents.js";

/**
 * `npm run generate:config`, from the root of the repository: writes .env.example, the JSON Schema of the
 * configuration file and the README's table of options.
 */
writeFileSync(".env.example", envExample());
writeFileSync("schema/datahub-sync.config.schema.json", configFileJsonSchema());
if (existsSync("README.md")) writeFileSync("README.md", renewReadme(readFileSync("README.md", "utf8")));
