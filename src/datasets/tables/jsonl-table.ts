/** JSON lines: one object a line. Columns are the keys of the first objects. */
import { UpnextError } from "../../core/index.ts";
import { sniff } from "../text/bytes.ts";
import { eachLine, OVERLONG } from "../text/lines.ts";
import { decode, LONGEST_LINE, textBlocks, withoutMark } from "../text/text-blocks.ts";
import type { OpenTable, Table } from "./table.ts";

/** Objects whose keys are collected. */
const SAMPLE = 1000;

/** Not JSON lines: whatever does not begin with "{" (or is a JSON array, which is refused with a word). */
export const openJsonl: OpenTable = async (path) => {
  const found = await sniff(path);
  if (found.kind !== "file") return null;
  const start = decode(withoutMark(found.head, path)).trimStart();
  if (/^\[\s*\{/.test(start)) {
    throw new UpnextError(
      "unknown_format",
      `${path}: this is one JSON array; expected JSON lines, one object a line. Convert it: jq -c '.[]' FILE > NEW`,
    );
  }
  if (!start.startsWith("{")) return null;
  const columns = await keys(path);
  return columns.length === 0 ? null : jsonlTable(path, columns);
};

function jsonlTable(path: string, columns: readonly string[]): Table {
  return {
    path,
    about: `JSON lines, ${columns.length} keys`,
    columns,
    timeUnit: () => undefined,
    async *read(wanted, sink) {
      const cells: unknown[] = wanted.map(() => undefined);
      yield* eachLine(path, {
        line(text, line) {
          const row = parseObject(text);
          if (row === undefined) {
            if (text.trim() !== "") sink.bad(line, "the line is not a JSON object");
            return;
          }
          for (let i = 0; i < wanted.length; i++) cells[i] = row[wanted[i]!];
          sink.row(cells, line);
        },
        overlong: (line) => sink.bad(line, OVERLONG),
      });
    },
  };
}

/** The error of `JSON.parse` is dropped, since it quotes the text. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function keys(path: string): Promise<string[]> {
  const found = new Set<string>();
  let lines = 0;
  for await (const { text } of textBlocks(path)) {
    for (const line of text.slice(0, LONGEST_LINE).split("\n")) {
      for (const key of Object.keys(parseObject(line) ?? {})) found.add(key);
      if (++lines >= SAMPLE) return [...found];
    }
  }
  return [...found];
}
