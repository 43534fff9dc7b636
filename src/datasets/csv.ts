import { tableImporter } from "./table-importer.ts";
import { openCsv } from "./tables/csv-table.ts";

/** CSV with a column mapping. */
export const csv = tableImporter(
  "csv",
  "CSV with a header line and columns for user, item and time",
  openCsv,
);
