/** The real sets, where they are: `UPNEXT_DATA`, or `shared/data` beside the repository. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { detectFormat, IMPORTERS, SEQUENCE_END } from "../../src/datasets/index.ts";
import type { Event } from "../../src/events/index.ts";
import { imported, NOW } from "./fixtures.ts";

const { UPNEXT_DATA: DATA = join(import.meta.dirname, "..", "..", "..", "shared", "data") } = process.env;

function path(name: string): string {
  return join(DATA, name);
}

/** Whether a set is absent; says so. */
function absent(name: string): boolean {
  if (existsSync(path(name))) return false;
  console.log(`${name}: not in ${DATA}; its test is skipped`);
  return true;
}

/** Every event of a set, without a log; what the importer calls bad fails. */
async function eachEvent(name: string, see: (event: Event) => void): Promise<void> {
  const { importer } = await detectFormat(IMPORTERS, { path: path(name) });
  for await (const batch of importer.read({ path: path(name) }, { now: NOW })) {
    expect(batch.bad).toEqual([]);
    for (const event of batch.events) see(event);
  }
}

it.skipIf(absent("ml-1m"))("reads ml-1m as the sequences of the papers, with titles", async () => {
  const counts: Record<string, number> = {};
  const ends = new Map<string, number>();
  let first: string | undefined;
  await eachEvent("ml-1m", (event) => {
    counts[event.kind] = (counts[event.kind] ?? 0) + 1;
    if (event.kind === "interaction") ends.set(event.user, Math.max(event.time, ends.get(event.user) ?? 0));
    if (event.kind === "item") first ??= event.facts.title;
  });
  expect(counts).toEqual({ item: 3416, user: 6040, interaction: 999_611 });
  expect(first).toBe("Raiders of the Lost Ark (1981)");
  expect(ends.size).toBe(6040);
  expect(new Set(ends.values())).toEqual(new Set([SEQUENCE_END]));
});

it.skipIf(absent("amazon-beauty"))("reads amazon-beauty with its attributes", async () => {
  const { report, interactions } = await imported({ path: path("amazon-beauty") });
  expect(report).toMatchObject({
    format: "sequence",
    bad: 0,
    events: { item: 12_101, interaction: 198_502 },
    duplicates: 0,
  });
  expect(new Set(interactions.map((e) => e.user)).size).toBe(22_363);
  expect(interactions.slice(0, 5).map((e) => e.item)).toEqual(["1", "2", "3", "4", "5"]);
});

it.skipIf(absent("ml-latest-small"))("reads ml-latest-small", async () => {
  const { report, items } = await imported({ path: path("ml-latest-small") });
  expect(report).toMatchObject({ format: "movielens", bad: 0, events: { item: 9742, interaction: 100_836 } });
  expect(report.duplicates).toBe(0);
  expect(items[0]?.facts.title).toBe("Toy Story (1995)");
});

it.skipIf(absent("kuairand-pure"))("reads KuaiRand, each row once, the history before it", async () => {
  const counts: Record<string, number> = {};
  const requests = new Set<string>();
  let begin = Number.POSITIVE_INFINITY;
  let historyEnd = 0;
  await eachEvent("kuairand-pure", (event) => {
    counts[event.kind] = (counts[event.kind] ?? 0) + 1;
    if (event.kind === "impression") {
      requests.add(event.request);
      begin = Math.min(begin, event.time);
    }
    const before = event.kind === "interaction" && event.request === undefined;
    if (before) historyEnd = Math.max(historyEnd, event.time);
  });
  expect(counts).toMatchObject({ item: 7583, user: 27_285, impression: 171_805 });
  // 4,743 rows are exact copies of an earlier one.
  expect(requests.size).toBe(171_805 - 4_743);
  expect(historyEnd).toBeLessThan(begin);
});
