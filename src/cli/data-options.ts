/** The options that say how data is read, the same for every command that reads some. */
import type { Command } from "commander";
import type { ImportRequest } from "../datasets/index.ts";
import { asUsage } from "./failure.ts";
import { share } from "./option-parsers.ts";

export interface DataOptions {
  readonly format?: string;
  readonly columns?: string;
  readonly items?: string;
  readonly itemColumns?: string;
  readonly maxBad?: number;
}

export function addDataOptions(command: Command): Command {
  return command
    .option("--format <name>", "csv, jsonl, parquet, sequence, movielens or kuairand (default: detected)")
    .option(
      "--columns <mapping>",
      "which column holds what: user=…,item=…,time=…,type=…,value=… (default: guessed)",
    )
    .option("--items <file>", "a table with facts of items: id, title, creator, categories, …")
    .option("--item-columns <mapping>", "which column of it holds what: id=…,title=…,creator=…,categories=…")
    .option("--max-bad <share>", "largest share of bad rows that is accepted (default: 0.01)", share);
}

/** What the options ask for; throws a UsageError for a mapping that is none. */
export async function importRequest(path: string, options: DataOptions): Promise<Omit<ImportRequest, "now">> {
  const { parseColumns, parseItemColumns } = await import("../datasets/index.ts");
  const { format, columns, items, itemColumns, maxBad } = options;
  return {
    path,
    ...(format === undefined ? {} : { format }),
    ...(columns === undefined ? {} : { columns: asUsage("option '--columns'", () => parseColumns(columns)) }),
    ...(items === undefined ? {} : { items }),
    ...(itemColumns === undefined
      ? {}
      : { itemColumns: asUsage("option '--item-columns'", () => parseItemColumns(itemColumns)) }),
    ...(maxBad === undefined ? {} : { maxBad }),
  };
}
