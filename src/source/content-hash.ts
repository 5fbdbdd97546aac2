import { quoteIdentifier } from "../postgres/identifier.js";
import type { MirrorSource } from "../model/mirror-source.js";

/**
 * The content hash of a row called `r`: of the row's text, NULLs and empty texts told apart, salted with the
 * fingerprint. 128 bits of SHA-256 as 22 characters: short, since the ledger holds one for every row.
 */
export function hashExpression({ columns, fingerprint }: MirrorSource): string {
  const row = `ROW(${columns.map(({ name }) => `r.${quoteIdentifier(name)}`).join(", ")})::text`;
  // The fingerprint is base64url: it needs no quoting, and as a literal it keeps the parameters the same everywhere.
  if (!/^[\w-]+$/.test(fingerprint)) throw new RangeError("A fingerprint is base64url.");
  const digest = `sha256(convert_to('${fingerprint}' || ${row}, 'UTF8'))`;
  return `rtrim(encode(substring(${digest} FROM 1 FOR 16), 'base64'), '=')`;
}
