import { expect, test } from "vitest";
import { isSameDecimal } from "../../../local/oracle/decimal.js";

test("equal decimals are told from unequal ones, digit by digit", () => {
  expect(isSameDecimal("1.50", "1.5")).toBe(true);
  expect(isSameDecimal("1e+21", "1000000000000000000000")).toBe(true);
  expect(isSameDecimal("1e-7", "0.0000001")).toBe(true);
  expect(isSameDecimal("-0.50", "-0.5")).toBe(true);
  expect(isSameDecimal("1.5", "15")).toBe(false);
  expect(isSameDecimal("0.5", "-0.5")).toBe(false);
  expect(isSameDecimal("Infinity", "Infinity")).toBe(false);
});
