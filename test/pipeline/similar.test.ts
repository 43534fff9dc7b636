import { describe, expect, it } from "vitest";
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
import { DAY, MINUTE, silent } from "../../src/core/index.ts";
import type { Event } from "../../src/events/index.ts";
import { featureSet, sourceSchema } from "../../src/features/index.ts";
import { type ServingModels, similarItems, untrainedModels } from "../../src/pipeline/index.ts";
import { loadSources, SOURCES } from "../../src/retrieval/index.ts";
import { fitSources } from "../../src/training/fit-sources.ts";
import { readHistory } from "../../src/training/history.ts";
import { everything, sequencesOf } from "../../src/training/replay.ts";
import { tickingClock } from "../ticking-clock.ts";
import { at, itemId, logged, logOf, START, took } from "../training/logs.ts";
import { ring } from "../training/worlds.ts";

const NOW = at(START + 10 * DAY);

const upsert = (name: string, facts: Extract<Event, { kind: "item" }>["facts"]): Event => ({
  kind: "item",
  id: `i-${name}` as Event["id"],
  time: at(START),
  item: itemId(name),
  facts,
});

/** A ring of twelve, each with a colour; the last of the others nobody took, one is removed, one not published yet. */
const EVENTS: readonly Event[] = [
  ...Array.from({ length: 12 }, (_, i) => upsert(`v${i}`, { categories: [i % 2 ? "odd" : "even"] })),
  upsert("fresh", { categories: ["odd"] }),
  upsert("alone", {}),
  upsert("next-year", { categories: ["odd"], publishedAt: at(NOW + 365 * DAY) }),
  ...ring(12, 12, 6),
  took("late", "next-year", START),
  took("late", "v5", START + 1),
  { kind: "item-removal", id: "gone" as Event["id"], time: at(START), item: itemId("v6") },
];

/** Sources to which an item is nothing before somebody took it, and those that know nobody. */
const COUNTING = SOURCES.filter(({ personal, knowsNewItems }) => !(personal && knowsNewItems));

async function trainedModels(catalog: Catalog, sources = COUNTING): Promise<ServingModels> {
  const history = await readHistory(await logOf(EVENTS));
  const fitted = await fitSources(sources, sequencesOf(history, everything(history)), {
    catalog: history.catalog,
    seed: 1,
    clock: tickingClock(MINUTE / 60),
    budget: MINUTE,
    timeBudget: MINUTE,
    progress: silent,
  });
  return {
    bundle: { id: "b" as never, trainedAt: NOW, logOffset: 0 as never },
    sources: await loadSources(sources, fitted, catalog),
    ranker: null,
    cheaperRanker: null,
    featureSet: featureSet(sourceSchema(sources)),
    close: async () => {},
  };
}

const allModels = (catalog: Catalog) => trainedModels(catalog, [...SOURCES]);

async function similar(name: string, limit: number, models?: (catalog: Catalog) => Promise<ServingModels>) {
  const catalog = createCatalog();
  catalog.apply(logged(EVENTS));
  const item = itemId(name);
  const serving = await (models ?? trainedModels)(catalog);
  const found = await similarItems(item, catalog.rowOf(item)!, limit, NOW, catalog, serving);
  await serving.close();
  return { ...found, items: found.items.map(({ item }) => item as string) };
}

describe("items similar to one", () => {
  it("have what users take next near the top, and never hold the item itself", async () => {
    const { items, reasons } = await similar("v1", 20);
    // Not always first: with ten items, the other sources have little to go by.
    expect(items.slice(0, 3)).toContain("v2");
    expect(items).not.toContain("v1");
    expect(reasons).toEqual([]);
  });

  it("are never removed ones or ones that are not published yet", async () => {
    for (const name of ["v4", "v5", "fresh"]) {
      const { items } = await similar(name, 500);
      expect(items.length).toBeGreaterThan(0);
      expect(items).not.toContain("v6");
      expect(items).not.toContain("next-year");
    }
  });

  it("of one that nobody took are the popular ones of its categories", async () => {
    const { items, reasons } = await similar("fresh", 500);
    expect([...items].sort()).toEqual(["v1", "v11", "v3", "v5", "v7", "v9"]);
    expect(reasons).toEqual(["no_history"]);
  });

  it("without anything trained are such ones, too, and say so", async () => {
    const { items, reasons } = await similar("v1", 3, untrainedModels);
    expect(items.length).toBe(3);
    for (const item of items) expect(Number(item.slice(1)) % 2).toBe(1);
    expect(reasons).toEqual(["not_trained"]);
  });

  it("of one that shares nothing with any are none", async () => {
    expect((await similar("alone", 20)).items).toEqual([]);
    expect((await similar("alone", 20, allModels)).items).toEqual([]);
  });

  it("of one that nobody took are found by sources that know new items, by what is said of it", async () => {
    const { items, reasons } = await similar("fresh", 20, allModels);
    expect(items.length).toBeGreaterThan(5);
    expect(items).not.toContain("fresh");
    expect(items).not.toContain("v6");
    expect(reasons).toEqual([]);
  });
});
