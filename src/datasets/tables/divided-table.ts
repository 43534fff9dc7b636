/** Lines divided by a text of more than one character, without a header and without quotes (MovieLens' `.dat`). */
import { eachLine, OVERLONG } from "../text/lines.ts";
import type { Table } from "./table.ts";

export function dividedTable(path: string, divider: string, columns: readonly string[]): Table {
  return {
    path,
    about: `lines divided by "${divider}", ${columns.length} columns`,
    columns,
    timeUnit: () => undefined,
    read(wanted, sink) {
      const at = wanted.map((column) => columns.indexOf(column));
      const cells: unknown[] = wanted.map(() => undefined);
      return eachLine(path, {
        line(text, line) {
          const parts = text.split(divider);
          if (parts.length !== columns.length) {
            sink.bad(line, `${columns.length} fields expected, ${parts.length} came`);
            return;
          }
          for (let i = 0; i < at.length; i++) cells[i] = parts[at[i]!];
          sink.row(cells, line);
        },
        overlong: (line) => sink.bad(line, OVERLONG),
      });
    },
  };
}
