/** Types of a Parquet file's columns. */
import type { SchemaElement } from "hyparquet";

/** A column's name and its type in the file. */
export type ParquetType = SchemaElement;

/** Tells whether a column's values are written as they were read; others, such as lists, become texts. */
export function keepsType({ type, converted_type: converted, logical_type: logical }: ParquetType): boolean {
  if (type === undefined || type === "INT96" || type === "FIXED_LEN_BYTE_ARRAY") return false;
  const plain = converted === undefined && logical === undefined && type !== "BYTE_ARRAY";
  const text = converted === "UTF8" || logical?.type === "STRING";
  const whole = /^U?INT_\d+$/.test(converted ?? "") || logical?.type === "INTEGER";
  return plain || text || whole || converted === "DATE" || converted === "TIMESTAMP_MILLIS";
}

/** Returns the type of a column of numbers with fractions. */
export function numberType(name: string): ParquetType {
  return { name, type: "DOUBLE", repetition_type: "OPTIONAL" };
}
