/** One short text for everything a catalog knows of items, so that a catalog and its rebuilt twin can be compared. */
import { createHash } from "node:crypto";
import type { Catalog } from "./catalog.ts";
import type { NumberColumn } from "./columns.ts";
import { RECORD } from "./item-record.ts";
import { SUMS } from "./item-sums.ts";

/**
 * SHA-256 (hex) over ids, facts, columns and statistics of all rows, to the bit, and over the names of categories and
 * creators. Category lists count by content: how much waste lies between them is no knowledge. User facts are not
 * part of the interface's enumerable knowledge; those of `users` are included.
 */
export function catalogDigest(
  catalog: Catalog,
  users: readonly Parameters<Catalog["userFacts"]>[0][] = [],
): string {
  const { items, statistics, size } = catalog;
  const hash = createHash("sha256");
  hash.update(
    JSON.stringify([
      size,
      catalog.categoryNames,
      catalog.creatorNames,
      statistics.totalEngagements,
      String(statistics.newest),
    ]),
  );
  for (let row = 0; row < size; row++) {
    const start = items.categoryOffsets[row]!;
    const categories = items.categories.subarray(start, start + items.categoryCounts[row]!);
    hash.update(JSON.stringify([catalog.idOf(row), sorted(catalog.factsOf(row)), Array.from(categories)]));
  }
  const columns: readonly NumberColumn[] = [
    items.live,
    items.creator,
    items.duration,
    items.publishedAt,
    items.firstSeen,
    items.bornAt,
    statistics.engagements,
    statistics.heat,
  ];
  for (const column of columns) hash.update(column.subarray(0, size));
  const { records, sums } = statistics;
  hash.update(records.subarray(0, size * RECORD));
  hash.update(sums.all);
  hash.update(padded(sums.byCreator, catalog.creatorNames.length));
  hash.update(padded(sums.byCategory, catalog.categoryNames.length));
  for (const user of users) hash.update(JSON.stringify([user, sorted(catalog.userFacts(user))]));
  return hash.digest("hex");
}

/** The sums of so many groups: how much room there is beyond them is no knowledge. */
function padded(sums: Float64Array, groups: number): Float64Array {
  const all = new Float64Array(groups * SUMS);
  all.set(sums.subarray(0, all.length));
  return all;
}

/** The same facts with keys in one order, inner objects included; undefined becomes null. */
function sorted(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object" || Array.isArray(value)) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
