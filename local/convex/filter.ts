import { compareValues, type JSONValue, type Value } from "convex/values";
import { fieldAt, type DocumentValue } from "./document.js";
import { toIndexed } from "./index-range.js";

type Expression = (document: DocumentValue) => Value | undefined;
type Pair = [JSONValue, JSONValue];

/** Compiles the expression of a `.filter(...)`; the result tells whether a document passes. */
export function compileFilter(json: JSONValue): (document: DocumentValue) => boolean {
  const evaluate = compile(json);
  return (document) => toBoolean(evaluate(document));
}

const COMPARISONS: Record<string, (order: number) => boolean> = {
  $eq: (order) => order === 0,
  $neq: (order) => order !== 0,
  $lt: (order) => order < 0,
  $lte: (order) => order <= 0,
  $gt: (order) => order > 0,
  $gte: (order) => order >= 0,
};

const ARITHMETIC: Record<string, (a: never, b: never) => number | bigint> = {
  $add: (a: number, b: number) => a + b,
  $sub: (a: number, b: number) => a - b,
  $mul: (a: number, b: number) => a * b,
  $div: (a: number, b: number) => a / b,
  $mod: (a: number, b: number) => a % b,
};

function compile(json: JSONValue): Expression {
  const [operator, operand] = Object.entries(json as Record<string, JSONValue>)[0]!;
  const comparison = COMPARISONS[operator];
  if (comparison) {
    const [left, right] = (operand as Pair).map(compile) as [Expression, Expression];
    return (document) => comparison(compareValues(left(document), right(document)));
  }
  const arithmetic = ARITHMETIC[operator];
  if (arithmetic) {
    const [left, right] = (operand as Pair).map(compile) as [Expression, Expression];
    return (document) => {
      const a = left(document);
      const b = right(document);
      const numeric = (typeof a === "number" || typeof a === "bigint") && typeof a === typeof b;
      if (!numeric) throw new Error(`${operator.slice(1)} needs two numbers or two int64s`);
      return arithmetic(a as never, b as never);
    };
  }
  switch (operator) {
    case "$literal": {
      const value = toIndexed(operand);
      return () => value;
    }
    case "$field":
      return (document) => fieldAt(document, operand as string);
    case "$and": {
      const parts = (operand as JSONValue[]).map(compile);
      return (document) => parts.every((part) => toBoolean(part(document)));
    }
    case "$or": {
      const parts = (operand as JSONValue[]).map(compile);
      return (document) => parts.some((part) => toBoolean(part(document)));
    }
    case "$not": {
      const part = compile(operand);
      return (document) => !toBoolean(part(document));
    }
    case "$neg": {
      const part = compile(operand);
      return (document) => {
        const value = part(document);
        if (typeof value !== "number" && typeof value !== "bigint") throw new Error("neg needs a number");
        return -value;
      };
    }
    default:
      throw new Error(`Unknown filter operator ${operator}`);
  }
}

function toBoolean(value: Value | undefined): boolean {
  if (typeof value !== "boolean") throw new Error("A filter needs a boolean here");
  return value;
}
