/**
 * Classes of SQLSTATE whose messages may quote a value: data exceptions, constraint violations, and what a function raised.
 * Neither a log nor a report may show them.
 */
export const QUOTES_VALUES = /^(22|23|P0)/;
