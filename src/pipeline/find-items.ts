/** Items of the catalog for a person to look at: by id, by a text, by an order. */
import {
  ANSWERS,
  type Catalog,
  RECORD,
  SHARE_UNIT,
  SHOWN,
  TALLIES,
  VETOES,
  WATCHED,
  WATCHES,
} from "../catalog/index.ts";
import { type EpochMs, type ItemRow, UpnextError } from "../core/index.ts";
import { ITEM_ORDERS, type ItemOrder, type ItemOverview, type ItemQuery } from "./overview.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 200;

/** What an order goes by, larger first. */
const KEYS: Readonly<Record<ItemOrder, (catalog: Catalog) => Float64Array>> = {
  popular: ({ statistics }) => statistics.engagements,
  trending: ({ statistics }) => statistics.heat,
  newest: ({ items }) => items.bornAt,
};

export function findItems(catalog: Catalog, query: ItemQuery): readonly ItemOverview[] {
  const { ids, search, order = "popular", limit = DEFAULT_LIMIT } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new UpnextError(
      "invalid_request",
      `limit: expected an integer from 1 to ${MAX_LIMIT}, got ${limit}`,
    );
  }
  if (!ITEM_ORDERS.includes(order)) {
    throw new UpnextError("invalid_request", `order: expected one of ${ITEM_ORDERS.join(", ")}, got another`);
  }
  const rows =
    ids === undefined
      ? best(catalog, matching(catalog, search), KEYS[order](catalog), limit)
      : ids.map((id) => catalog.rowOf(id)).filter((row) => row !== undefined);
  return rows.map((row) => overviewOf(catalog, row));
}

function overviewOf(catalog: Catalog, row: number): ItemOverview {
  const { items, statistics } = catalog;
  const count = (which: number) => statistics.records[row * RECORD + which]!;
  const facts = catalog.factsOf(row);
  let answered = 0;
  for (let t = 0; t < TALLIES.length; t++) answered = Math.max(answered, count(ANSWERS + t));
  const watches = count(WATCHES);
  return {
    item: catalog.idOf(row),
    live: items.live[row] === 1,
    ...(facts && { facts }),
    bornAt: items.bornAt[row] as EpochMs,
    engagements: statistics.engagements[row]!,
    vetoes: count(VETOES),
    shown: count(SHOWN),
    answered,
    watched: watches > 0 ? count(WATCHED) / SHARE_UNIT / watches : null,
  };
}

/** Whether a row is to be looked at. */
function matching(catalog: Catalog, search: string | undefined): (row: number) => boolean {
  const { items } = catalog;
  const wanted = search?.trim().toLowerCase() ?? "";
  if (wanted === "") return (row) => items.live[row] === 1;
  return (row) => {
    if (catalog.idOf(row).toLowerCase().includes(wanted)) return true;
    const { title, creator, categories = [] } = catalog.factsOf(row) ?? {};
    return [title, creator, ...categories].some((text) => text?.toLowerCase().includes(wanted));
  };
}

/** The rows with the largest keys, those first; of equals the older row. */
function best(
  catalog: Catalog,
  matches: (row: number) => boolean,
  keys: Float64Array,
  limit: number,
): readonly number[] {
  const found: number[] = [];
  const before = (a: number, b: number) => keys[b]! - keys[a]! || a - b;
  for (let row = 0; row < catalog.size; row++) {
    // A text is looked for only where the row could stand in the answer.
    if (found.length === limit && !(before(row, found[limit - 1]!) < 0)) continue;
    if (!matches(row)) continue;
    let at = found.length;
    while (at > 0 && before(row, found[at - 1]!) < 0) at--;
    found.splice(at, 0, row as ItemRow);
    if (found.length > limit) found.pop();
  }
  return found;
}
