/** CSV with a header line; comma, semicolon, tab or bar as delimiter, whichever makes the most columns of the header. */
import { UpnextError } from "../../core/index.ts";
import { sniff } from "../text/bytes.ts";
import { CsvParser } from "../text/csv-parser.ts";
import { decode, textBlocks, withoutMark } from "../text/text-blocks.ts";
import type { OpenTable, RowSink, Table } from "./table.ts";

const DELIMITERS = [
  { character: ",", name: "comma" },
  { character: ";", name: "semicolon" },
  { character: "\t", name: "tab" },
  { character: "|", name: "bar" },
] as const;

/**
 * Not CSV: a directory, an empty file, bytes with zeros, JSON, or a first line that no delimiter divides. Without a
 * header the columns have the names "1", "2", …: that is assumed where `columns` are numbers and the first line does
 * not have them all as names.
 */
export const openCsv: OpenTable = async (path, columns = []) => {
  const found = await sniff(path);
  if (found.kind !== "file" || found.head.length === 0 || found.head.includes(0)) return null;
  const text = decode(withoutMark(found.head, path));
  if (/^\s*[{[]/.test(text)) return null;
  let best: { names: string[]; delimiter: (typeof DELIMITERS)[number] } | undefined;
  for (const delimiter of DELIMITERS) {
    const names = firstRecord(text, delimiter.character);
    if (names.length > (best?.names.length ?? 1)) best = { names, delimiter };
  }
  if (best === undefined) return null;
  const header = best.names;
  const numbered = columns.length > 0 && columns.every((column) => /^[1-9]\d*$/.test(column));
  const positional = numbered && !columns.every((column) => header.includes(column));
  const names = positional ? best.names.map((_, i) => String(i + 1)) : best.names;
  return csvTable(path, best.delimiter, names, !positional);
};

/** Opens what must be CSV. Rejects with `unknown_format`. */
export async function requireCsv(path: string): Promise<Table> {
  const table = await openCsv(path);
  if (table !== null) return table;
  throw new UpnextError("unknown_format", `${path}: expected CSV with a header line.`);
}

function csvTable(
  path: string,
  delimiter: (typeof DELIMITERS)[number],
  columns: readonly string[],
  header: boolean,
): Table {
  return {
    path,
    about: `${delimiter.name}-separated, ${columns.length} columns${header ? "" : " without a header"}`,
    columns,
    timeUnit: () => undefined,
    async *read(wanted, sink) {
      const parser = rowParser(delimiter.character, columns, header, wanted, sink);
      for await (const { text, overlong, done } of textBlocks(path)) {
        if (overlong) parser.pushOverlong();
        else parser.push(text);
        yield done;
      }
      parser.end();
      yield Number.NaN;
    },
  };
}

function rowParser(
  delimiter: string,
  columns: readonly string[],
  header: boolean,
  wanted: readonly string[],
  sink: RowSink,
): CsvParser {
  const slots = new Int32Array(columns.length).fill(-1);
  for (let i = 0; i < wanted.length; i++) slots[columns.indexOf(wanted[i]!)] = i;
  const expected = columns.length;
  let rows = header ? -1 : 0;
  return new CsvParser(delimiter, slots, {
    record(fields, count, line) {
      if (rows++ < 0) return;
      if (count === expected) sink.row(fields, line);
      else sink.bad(line, `${expected} fields expected, ${count} came`);
    },
    bad: (line, reason) => sink.bad(line, reason),
  });
}

/** Fields of the first record of `text`; none where it is not whole. */
function firstRecord(text: string, delimiter: string): string[] {
  const slots = Int32Array.from({ length: 4096 }, (_, i) => i);
  let first: string[] | undefined;
  const parser = new CsvParser(delimiter, slots, {
    record(fields, count) {
      first ??= fields.slice(0, Math.min(count, slots.length));
    },
    bad() {},
  });
  const end = text.lastIndexOf("\n") + 1;
  parser.push(end > 0 ? text.slice(0, end) : `${text}\n`);
  return (first ?? []).map((name) => name.trim());
}
