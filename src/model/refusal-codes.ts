interface RefusalDescription {
  means: string;
  helps: string;
}

/** Why a row cannot be mirrored losslessly. Stable codes, as `status` and docs/reference/set-aside.md name them. */
export const REFUSAL_CODES = {
  DOCUMENT_TOO_LARGE: {
    means: "more than 1 MiB; the message names the largest column",
    helps: "exclude the column, or shorten it",
  },
  TOO_DEEP: { means: "more than 16 levels of nesting", helps: "the encoding `text` for the column" },
  TOO_MANY_FIELDS: { means: "an object with more than 1,024 keys", helps: "the encoding `text`" },
  TOO_MANY_ELEMENTS: { means: "an array of more than 8,192 items", helps: "the encoding `text`" },
  INVALID_UNICODE: {
    means: "a lone surrogate, which jsonb and json can hold as an escape",
    helps: "mend the row; of a json, the encoding `text`",
  },
  UNSUPPORTED_VALUE: { means: "a value that its type should not hold", helps: "the encoding `text`" },
} as const satisfies Record<string, RefusalDescription>;

export type RefusalCode = keyof typeof REFUSAL_CODES;

/** For code that walks the table. */
export const REFUSAL_CODE_ROWS = Object.entries(REFUSAL_CODES) as [RefusalCode, RefusalDescription][];
