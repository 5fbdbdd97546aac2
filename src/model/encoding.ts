import type { Value } from "convex/values";
import type { RefusalCode } from "./refusal-codes.js";

/** A Postgres type as the catalog describes it, resolved as far as encoding needs. */
export interface PgType {
  oid: number;
  /** Schema and name as in pg_type ("pg_catalog", "int4"; "public", "citext"): names are stable, oids of extensions are not. */
  schema: string;
  name: string;
  /** As `format_type` prints it with the type modifier: "numeric(10,8)", "character varying(255)". For messages. */
  display: string;
  /** pg_type.typtype: base, enum, domain, composite, range, multirange. */
  kind: "base" | "enum" | "domain" | "composite" | "range" | "multirange";
  /** numeric(p,s): precision and scale; null when not declared. */
  numeric: { precision: number; scale: number } | null;
  /** Element type and its delimiter, for arrays. */
  element: PgType | null;
  delimiter: string;
  /** The type under a domain. */
  base: PgType | null;
  /** The type of the bounds of a range or a multirange. */
  subtype: PgType | null;
  /** Attributes of a composite type, in order. */
  attributes: { name: string; type: PgType }[] | null;
  /** Labels of an enum, in order. */
  labels: string[] | null;
}

/** How a column's value becomes a Convex value, where the configuration overrides the type's default. */
export type EncodingName =
  /** The type's default; see the table in encode/type-table.ts. */
  | "default"
  /** The text that Postgres prints, as a string. Lossless for every type. */
  | "text"
  /** json and jsonb: a Convex object, array or scalar, equal as jsonb. */
  | "json"
  /** A JavaScript number; refused at planning for types that it cannot hold losslessly. */
  | "number"
  /** A Convex int64 (bigint). */
  | "int64"
  /** A Convex string. */
  | "string";

/** A column of the relation that is mirrored. */
export interface ColumnShape {
  /** The column's name in the relation. */
  name: string;
  /** The field's name in Convex: mapped from the name, or as configured. */
  field: string;
  type: PgType;
  encoding: EncodingName;
}

/** A row that cannot be mirrored losslessly (invariant 7). Codes are stable. Never carries a value. */
export interface Refusal {
  code: RefusalCode;
  /** The column at fault, or null when it is the document as a whole. */
  column: string | null;
  /** One sentence, without the value. */
  message: string;
}

export type EncodedDocument = Record<string, Value>;

export type EncodeResult =
  | {
      ok: true;
      /** The document as JSON in Convex's encoding (`convexToJson`), as it is sent. */
      json: string;
      /** Size as Convex counts it (`getDocumentSize`), `_id` and `_creationTime` included. */
      bytes: number;
    }
  | { ok: false; refusal: Refusal };
