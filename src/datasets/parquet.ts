import { tableImporter } from "./table-importer.ts";
import { openParquet } from "./tables/parquet-table.ts";

/** Parquet with a column mapping. */
export const parquet = tableImporter("parquet", "Parquet with columns for user, item and time", openParquet);
