import { format, resolveConfig } from "prettier";
import { errorsPage, exitCodesPage, noticesPage, setAsidePage } from "./code-pages.js";
import { configFileJsonSchema, deploymentsFileJsonSchema, envExample } from "./config-files.js";
import { commandsPage, optionsPage } from "./option-pages.js";

const REFERENCE_PAGES: Record<string, () => string> = {
  "docs/reference/commands.md": commandsPage,
  "docs/reference/options.md": optionsPage,
  "docs/reference/exit-codes.md": exitCodesPage,
  "docs/reference/errors.md": errorsPage,
  "docs/reference/notices.md": noticesPage,
  "docs/reference/set-aside.md": setAsidePage,
};

/** What is written from the code, by the path that it is kept at. `npm run generate` writes it, a test holds it. */
export async function generateDocuments(root: string): Promise<ReadonlyMap<string, string>> {
  const documents = new Map([
    [".env.example", envExample()],
    ["schema/datahub-sync.config.schema.json", configFileJsonSchema()],
    ["schema/datahub-sync.deployments.schema.json", deploymentsFileJsonSchema()],
  ]);
  const options = { ...(await resolveConfig(`${root}/docs/reference`)), parser: "markdown" };
  for (const [path, page] of Object.entries(REFERENCE_PAGES)) {
    const text = `<!-- Written from the code by \`npm run generate\`: do not edit. -->\n\n${page()}\n`;
    documents.set(path, await format(text, options));
  }
  return documents;
}
