/** The importers, in the order in which they are asked whether they know the data: the most particular first. */
import type { Progress } from "../core/index.ts";
import type { EventLog } from "../events/index.ts";
import { csv } from "./csv.ts";
import { type ImportReport, type ImportRequest, importInto as importWith } from "./import-into.ts";
import type { Importer } from "./importer.ts";
import { jsonl } from "./jsonl.ts";
import { kuairand } from "./kuairand.ts";
import { movielens } from "./movielens.ts";
import { parquet } from "./parquet.ts";
import { sequence } from "./sequence.ts";

export const IMPORTERS: readonly Importer[] = [kuairand, movielens, sequence, parquet, jsonl, csv];

/** `importInto` of import-into.ts with all importers. */
export function importInto(
  log: Pick<EventLog, "append">,
  request: ImportRequest,
  progress: Progress,
): Promise<ImportReport> {
  return importWith(IMPORTERS, log, request, progress);
}

export { contentId } from "./content-id.ts";
export { detectFormat, type ImportReport, type ImportRequest } from "./import-into.ts";
export type { BadRow, ImportBatch, Importer, ImportSource, ReadOptions } from "./importer.ts";
export {
  type ColumnMapping,
  type ItemColumnMapping,
  parseColumns,
  parseItemColumns,
} from "./rows/column-mapping.ts";
export { SEQUENCE_END } from "./sequence.ts";
