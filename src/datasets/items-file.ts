/** The items file beside the events: any table with a column of ids and facts (title, creator, categories …). */
import type { ImportBatch } from "./importer.ts";
import { tableBatches } from "./rows/batches.ts";
import { ITEM_FIELDS, type ItemColumnMapping, resolveItemColumns } from "./rows/column-mapping.ts";
import { type ItemRules, toItem } from "./rows/item-rows.ts";
import { guessTimeUnit, TIME_UNITS } from "./rows/timestamps.ts";
import { openTable } from "./tables/open-table.ts";
import { sampleRows, type Table } from "./tables/table.ts";

export interface ItemsPlan {
  /** What was guessed, in words. */
  readonly about: string;
  readonly table: Table;
  readonly columns: ItemColumnMapping;
  readonly rules: ItemRules;
}

/** Rejects with `unknown_format` or `invalid_columns`. */
export async function planItems(path: string, given?: ItemColumnMapping): Promise<ItemsPlan> {
  const table = await openTable(path);
  const columns = resolveItemColumns(path, table.columns, given);
  const published = columns.publishedAt;
  const sample = published === undefined ? [] : await sampleRows(table, [published]);
  const unit =
    (published === undefined ? undefined : table.timeUnit(published)) ??
    guessTimeUnit(sample.map((row) => row[0])) ??
    "iso";
  const durationUnits =
    columns.duration !== undefined && /m(illi)?s(ec|econds)?$/i.test(columns.duration) ? 1000 : 1;
  const parts = ITEM_FIELDS.filter((field) => columns[field] !== undefined).map((field) => {
    const note =
      field === "publishedAt"
        ? ` (${TIME_UNITS[unit].about})`
        : field === "duration"
          ? ` (${durationUnits === 1 ? "s" : "ms"})`
          : "";
    return `${field} = ${columns[field]}${note}`;
  });
  return {
    about: `${table.about}; ${parts.join(", ")}`,
    table,
    columns,
    rules: { durationUnits, published: unit },
  };
}

export async function* readItems(plan: ItemsPlan): AsyncGenerator<ImportBatch> {
  const fields = ITEM_FIELDS.filter((field) => plan.columns[field] !== undefined);
  const wanted = fields.map((field) => plan.columns[field]!);
  const at = (field: (typeof ITEM_FIELDS)[number]) => fields.indexOf(field);
  const [id, title, creator, categories, duration, publishedAt] = ITEM_FIELDS.map(at) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  yield* tableBatches(plan.table, wanted, (cells, line, out) => {
    const item = {
      id: cells[id],
      title: cells[title],
      creator: cells[creator],
      categories: cells[categories],
      duration: cells[duration],
      publishedAt: cells[publishedAt],
    };
    out.put(line, toItem(item, plan.rules));
  });
}
