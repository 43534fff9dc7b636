import { tableImporter } from "./table-importer.ts";
import { openJsonl } from "./tables/jsonl-table.ts";

/** JSON lines with a column mapping. */
export const jsonl = tableImporter("jsonl", "JSON lines with keys for user, item and time", openJsonl);
