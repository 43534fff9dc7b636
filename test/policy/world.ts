/** A catalog and user states for policy tests, made by the real fold from a few words. */
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
import type { EpochMs, EventId, ItemId, Offset, UserId } from "../../src/core/index.ts";
import { type Event, type InteractionType, type ItemFacts, isVeto } from "../../src/events/index.ts";
import { emptyState, type Touch, type UserState } from "../../src/state/index.ts";

export const NOW = 1_700_000_000_000 as EpochMs;
export const item = (id: string) => id as ItemId;

/** Items in the order of the keys: the first has row 0. `null` is an item that was removed. */
export function catalogOf(items: Readonly<Record<string, ItemFacts | null>>): Catalog {
  const events: Event[] = [];
  for (const [id, facts] of Object.entries(items)) {
    const base = { time: NOW, item: item(id) };
    events.push({ ...base, kind: "item", id: `upsert-${id}` as EventId, facts: facts ?? {} });
    if (facts === null) events.push({ ...base, kind: "item-removal", id: `removal-${id}` as EventId });
  }
  const catalog = createCatalog();
  catalog.apply(events.map((event, offset) => ({ offset: offset as Offset, event })));
  return catalog;
}

export function stateOf(...touched: readonly (readonly [InteractionType, string])[]): UserState {
  const touches = touched.map(
    ([type, id], at): Touch => ({
      id: `e${at}` as EventId,
      item: item(id),
      type,
      value: Number.NaN,
      time: (NOW - at) as EpochMs,
    }),
  );
  return {
    ...emptyState("u" as UserId),
    touches: touches.filter((touch) => !isVeto(touch.type)),
    vetoes: touches.filter((touch) => isVeto(touch.type)),
  };
}
