import type { z } from "zod";
import { didYouMean } from "./did-you-mean.js";
import type { Problem } from "./problems.js";

export type ParsedFile<Data> = { ok: true; data: Data } | { ok: false; problems: Problem[] };

/**
 * Reads the text of a file of ours, and says where it is wrong in words of whoever wrote it.
 * @param shown its name in messages
 * @param seeAlso what explains it
 */
export function parseJsonFile<Data>(
  text: string,
  shown: string,
  schema: z.ZodType<Data>,
  seeAlso: string,
): ParsedFile<Data> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const message = `${shown} is not valid JSON${describePosition(text, error as Error)}.`;
    const remedy = "JSON has no comments, no trailing commas, and quotes around every name.";
    return { ok: false, problems: [{ kind: "invalid", message, remedy }] };
  }
  const checked = schema.safeParse(json);
  if (checked.success) return { ok: true, data: checked.data };
  const issues = checked.error.issues.flatMap((issue) => whatIsWrong(issue, json));
  return { ok: false, problems: issues.map((issue) => describeIssue(issue, json, { shown, seeAlso })) };
}

/** Where an object stands for what may be a name or an object, it is the object's fields that are wrong. */
function whatIsWrong(issue: z.core.$ZodIssue, json: unknown): z.core.$ZodIssue[] {
  const got = valueAt(issue.path, json);
  if (issue.code !== "invalid_union" || typeof got !== "object" || got === null) return [issue];
  return (issue.errors.at(-1) ?? []).map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

function describeIssue(
  issue: z.core.$ZodIssue,
  json: unknown,
  { shown, seeAlso }: { shown: string; seeAlso: string },
): Problem {
  const where = describePath(issue.path, json);
  return {
    kind: "invalid",
    message: `${shown}: ${where} ${describeExpectation(issue, valueAt(issue.path, json))}.`,
    remedy: remedyOf(issue, valueAt(issue.path, json)),
    seeAlso,
  };
}

function remedyOf(issue: z.core.$ZodIssue, got: unknown): string {
  if (issue.code === "unrecognized_keys") {
    const known = / known are (.*)$/.exec(issue.message)?.[1]?.split(", ") ?? [];
    return issue.keys.map((key) => didYouMean(key, known) ?? `Take ${JSON.stringify(key)} out.`).join(" ");
  }
  if (issue.code === "invalid_value" && typeof got === "string") {
    return didYouMean(got, issue.values.map(String)) ?? "Write one of these, or leave it out.";
  }
  return issue.code === "invalid_type" && got === undefined ? "Add it." : "Correct it there.";
}

/** `tables[2] (sow_poles).columns.height.encoding`. */
function describePath(path: readonly PropertyKey[], json: unknown): string {
  if (path.length === 0) return "the file";
  let shown = "";
  path.forEach((part, index) => {
    if (typeof part !== "number") {
      shown += index === 0 ? String(part) : `.${String(part)}`;
      return;
    }
    shown += `[${part}]`;
    const relation = valueAt([...path.slice(0, index + 1), "relation"], json);
    if (path[0] === "tables" && index === 1 && typeof relation === "string") shown += ` (${relation})`;
  });
  return shown;
}

function describeExpectation(issue: z.core.$ZodIssue, got: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      if (got === undefined) return "is missing";
      return `is ${describeValue(got)}, expected ${article(issue.expected === "record" ? "object" : issue.expected)}`;
    case "invalid_value":
      return `is ${describeValue(got)}, expected one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "invalid_format":
      return `is ${describeValue(got)}, ${issue.message}`;
    case "invalid_union":
      return `is ${describeValue(got)}, ${issue.message}`;
    case "too_small":
      return `is ${typeof got === "number" ? got : "empty"}, ${issue.message}`;
    case "invalid_key":
      return "is empty, expected a column's name";
    default:
      return issue.message;
  }
}

function describeValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return JSON.stringify(value);
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}

function valueAt(path: readonly PropertyKey[], json: unknown): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      value !== null && typeof value === "object" ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    json,
  );
}

/** V8 names a position in most of its messages. The rest of the message quotes the file, and is not needed. */
function describePosition(text: string, error: Error): string {
  const position = /at position (\d+)/.exec(error.message)?.[1];
  if (position === undefined) return text.trim() === "" ? ": it is empty" : "";
  const before = text.slice(0, Number(position)).split("\n");
  return `, near line ${before.length}, column ${before.at(-1)!.length + 1}`;
}
