/** An importer for tables with a column each for user, item and time, and perhaps type and value. */
import { UpnextError } from "../core/index.ts";
import type { InteractionType } from "../events/index.ts";
import type { Importer, ImportSource } from "./importer.ts";
import { tableBatches } from "./rows/batches.ts";
import { isAbsent, parseNumber } from "./rows/cells.ts";
import { type ColumnMapping, EVENT_FIELDS, resolveColumns } from "./rows/column-mapping.ts";
import { rowRules, toInteraction } from "./rows/interaction-rows.ts";
import { guessTimeUnit, TIME_UNITS, type TimeUnit } from "./rows/timestamps.ts";
import { type OpenTable, sampleRows, type Table } from "./tables/table.ts";

export function tableImporter(name: string, about: string, open: OpenTable): Importer {
  return {
    name,
    about,
    takesColumns: true,
    async detect(source) {
      const plan = await makePlan(source, open);
      return plan?.about ?? null;
    },
    files: async (source) => [source.path],
    async *read(source, { now }) {
      const plan = await makePlan(source, open);
      if (plan === null) throw new UpnextError("unknown_format", `${source.path}: expected ${about}.`);
      const fields = EVENT_FIELDS.filter((field) => plan.columns[field] !== undefined);
      const wanted = fields.map((field) => plan.columns[field]!);
      const rules = rowRules(plan.unit, plan.type, now);
      const [user, item, time] = [fields.indexOf("user"), fields.indexOf("item"), fields.indexOf("time")];
      const [type, value] = [fields.indexOf("type"), fields.indexOf("value")];
      yield* tableBatches(plan.table, wanted, (cells, line, out) => {
        const kind = type < 0 ? undefined : cells[type];
        const amount = value < 0 ? undefined : cells[value];
        out.put(line, toInteraction(cells[user], cells[item], cells[time], kind, amount, rules));
      });
    },
  };
}

interface TablePlan {
  readonly about: string;
  readonly table: Table;
  readonly columns: ColumnMapping;
  readonly unit: TimeUnit;
  readonly type: InteractionType;
}

async function makePlan(source: ImportSource, open: OpenTable): Promise<TablePlan | null> {
  const table = await open(source.path, Object.values(source.columns ?? {}));
  if (table === null) return null;
  const columns = resolveColumns(source.path, table.columns, source.columns);
  if (columns === null) return null;
  const fields = EVENT_FIELDS.filter((field) => columns[field] !== undefined);
  const sample = await sampleRows(
    table,
    fields.map((field) => columns[field]!),
  );
  const cellsOf = (field: (typeof EVENT_FIELDS)[number]) => sample.map((row) => row[fields.indexOf(field)]);
  const unit = table.timeUnit(columns.time!) ?? guessTimeUnit(cellsOf("time")) ?? "iso";
  const type = columns.value === undefined ? "view" : typeByValue(columns.value, cellsOf("value"));
  const parts = fields.map((field) => {
    const note = field === "time" ? ` (${TIME_UNITS[unit].about})` : "";
    return `${field} = ${columns[field]}${note}`;
  });
  const rest = columns.type === undefined ? `every row is a "${type}"` : `a row without type is a "${type}"`;
  return { about: `${table.about}; ${parts.join(", ")}; ${rest}`, table, columns, unit, type };
}

/**
 * The type that rows have by their value where no column says it. Names decide first; values of 0 to 10 in whole or
 * half steps, one of them above 1, look like ratings.
 */
function typeByValue(name: string, sample: readonly unknown[]): InteractionType {
  if (/rating|stars?$|overall/i.test(name)) return "rate";
  if (/watch|completion|progress/i.test(name)) return "watch";
  if (/amount|price|revenue/i.test(name)) return "purchase";
  const numbers = sample.filter((cell) => !isAbsent(cell)).map(parseNumber);
  const rating = numbers.every((n) => n >= 0 && n <= 10 && Number.isInteger(2 * n));
  return rating && numbers.some((n) => n > 1) ? "rate" : "view";
}
