/** The kinds of tables, most certain first. */
import { UpnextError } from "../../core/index.ts";
import { openCsv } from "./csv-table.ts";
import { openJsonl } from "./jsonl-table.ts";
import { openParquet } from "./parquet-table.ts";
import type { Table } from "./table.ts";

/** Opens a table of whatever kind. Rejects with `unknown_format`. */
export async function openTable(path: string): Promise<Table> {
  const table = (await openParquet(path)) ?? (await openJsonl(path)) ?? (await openCsv(path));
  if (table !== null) return table;
  throw new UpnextError("unknown_format", `${path}: expected CSV with a header line, JSON lines or Parquet.`);
}
