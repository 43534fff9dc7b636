/** What an import did, in words. */
import type { ImportReport } from "../datasets/index.ts";
import { count, plural } from "./amounts.ts";

export function importText({
  format,
  rows,
  bad,
  events,
  accepted,
  duplicates,
  offset,
}: ImportReport): string {
  const kinds = Object.entries(events)
    .filter(([, number]) => number > 0)
    .map(([kind, number]) => `${count(number)} ${kind}`);
  const known = duplicates > 0 ? `, ${count(duplicates)} known already` : "";
  return (
    `imported ${plural(rows, "row")} of ${format} (${count(bad)} bad): ${kinds.join(", ")}; ` +
    `${plural(accepted, "new event")}${known}; the log now holds ${count(offset)}`
  );
}
