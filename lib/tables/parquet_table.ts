/** Parquet files as rows of named columns, and back. */
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { openParquet, readParquet } from "./parquet.ts";
import type { ParquetType } from "./parquet_types.ts";
import { cellText, type Row, type TableEncoder } from "./rows.ts";

/** Returns the columns of a Parquet file in its order. @throws InputError when it is damaged or not Parquet. */
export async function parquetColumns(path: string): Promise<readonly ParquetType[]> {
  const { schema } = await openParquet(path);
  return schema.children.map(({ element }) => element);
}

/** Yields the rows of a Parquet file. @throws InputError when it is damaged. */
export async function* parquetRows(path: string, columns: readonly string[]): AsyncGenerator<Row> {
  let line = 0;
  for await (const object of readParquet(path, columns)) {
    const typed = new Map(columns.map((column) => [column, object[column]]));
    const values = new Map(Array.from(typed, ([column, value]) => [column, cellText(value)]));
    yield { line: ++line, values, typed };
  }
}

/** Returns a type that all libraries read: of whole numbers hyparquet-writer gets only the older name right. */
function written({ logical_type: logical, ...type }: ParquetType): ParquetType {
  if (logical?.type !== "INTEGER") return logical ? { ...type, logical_type: logical } : type;
  const { isSigned, bitWidth } = logical;
  const converted = `${isSigned ? "" : "U"}INT_${bitWidth}` as ParquetType["converted_type"];
  return { ...type, converted_type: converted };
}

/** Returns an encoder to Parquet, with a row group for each batch of rows; a column without a type holds texts. */
export function parquetEncoder(
  columns: readonly string[],
  types: readonly ParquetType[] = [],
): TableEncoder {
  const known = new Map(types.map((type) => [type.name, written(type)]));
  const schema = columns.map((name): ParquetType => ({
    ...known.get(name) ?? { name, type: "BYTE_ARRAY", converted_type: "UTF8" },
    repetition_type: "OPTIONAL",
  }));
  const buffer = new ByteWriter();
  const writer = new ParquetWriter({
    writer: buffer,
    schema: [{ name: "root", num_children: columns.length }, ...schema],
    createdBy: "bertlab",
  });
  const drained = () => {
    const bytes = buffer.getBytes().slice();
    buffer.index = 0;
    return bytes;
  };
  return {
    start: drained,
    rows(rows) {
      const columnData = columns.map((name) => ({
        name,
        data: rows.map((row) => {
          const value = row.get(name) ?? null;
          return value === null || known.has(name) ? value : cellText(value);
        }),
      }));
      writer.write({ columnData, rowGroupSize: rows.length });
      return drained();
    },
    end() {
      writer.finish();
      return drained();
    },
  };
}
