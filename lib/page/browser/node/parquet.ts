/** The place of lib/tables/parquet_table.ts in a browser: a page reads no Parquet. */
import { InputError } from "../../../errors.ts";

const refused = (): never => {
  throw new InputError("Cannot read Parquet on this page: save the table as CSV, TSV or JSON Lines");
};

export { refused as parquetColumns, refused as parquetEncoder, refused as parquetRows };
