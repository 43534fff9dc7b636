/**
 * Start-up from a snapshot against reading the log: the catalog of so many items, each with an upsert and two
 * interactions, loaded from its image and folded from the log's files.
 *
 * Both in one process, in turns whose order changes each round; a figure is the median over the rounds with the
 * smallest and the largest. CPU time counts all threads. A stall is the longest time for which the event loop did not
 * come round while a snapshot was written; what else runs on the machine is in it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Catalog, catalogDigest, createCatalog } from "../src/catalog/index.ts";
import {
  type EpochMs,
  type EventId,
  type ItemId,
  type Offset,
  systemClock,
  type UserId,
} from "../src/core/index.ts";
import { type Event, type FileLog, openFileLog } from "../src/events/index.ts";
import { openSnapshots, type Snapshots } from "../src/snapshots/index.ts";
import { spreads } from "./figures/spread.ts";

export const about = "Start-up from a snapshot of the catalog against folding the log from its beginning.";
export const needsBuild = false;

const SIZES = [100_000, 1_000_000];
const ROUNDS = 3;
const APPENDED = 4096;
const EVENTS_PER_ITEM = 3;

type Figures = Record<string, number>;

/** @param args sizes of catalogs; 100,000 and 1,000,000 items where there are none */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const sizes = args.length > 0 ? args.map(Number) : SIZES;
  const results: Record<string, unknown>[] = [];
  for (const items of sizes) results.push(await measured(items));
  return { rounds: ROUNDS, eventsPerItem: EVENTS_PER_ITEM, results };
}

async function measured(items: number): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), "upnext-bench-snapshots-"));
  const log = await openFileLog(join(folder, "log"));
  try {
    for (let at = 0; at < items * EVENTS_PER_ITEM; at += APPENDED) {
      const count = Math.min(APPENDED, items * EVENTS_PER_ITEM - at);
      await log.append(Array.from({ length: count }, (_, i) => eventAt(at + i)));
    }
    const snapshots = await openSnapshots(join(folder, "snapshots"), { clock: systemClock, log: "bench" });
    const seen: Figures[] = [];
    let catalog = createCatalog();
    const replay = () =>
      timed("replay", async () => {
        catalog = await replayed(log);
        return {};
      });
    await replay();
    const whole = catalogDigest(catalog);
    let written: Figures = {};
    for (let round = 0; round < ROUNDS; round++) {
      await rm(join(folder, "snapshots"), { recursive: true, force: true });
      written = await timed("write", () => writtenWithout(snapshots, catalog));
      const load = () =>
        timed("load", async () => {
          catalog = await (await snapshots.newest())!.catalog();
          return {};
        });
      const figures = round % 2 === 0 ? [await load(), await replay()] : [await replay(), await load()];
      seen.push(Object.assign({}, written, ...figures));
    }
    catalog = await (await snapshots.newest())!.catalog();
    if (catalogDigest(catalog) !== whole)
      throw new Error("the catalog that was loaded is not the one of the log");
    const { bytes } = (await snapshots.newest())!;
    return {
      items,
      snapshotMiB: Math.round(bytes / 2 ** 20),
      ...spreads(seen),
    };
  } finally {
    await log.close();
    await rm(folder, { recursive: true });
  }
}

async function replayed(log: FileLog): Promise<Catalog> {
  const catalog = createCatalog();
  for await (const batch of log.read(0 as Offset)) catalog.apply(batch);
  return catalog;
}

/** Writes a snapshot, and returns the longest stall of the event loop meanwhile, in milliseconds. */
async function writtenWithout(snapshots: Snapshots, catalog: Catalog): Promise<Figures> {
  let writing = true;
  let stall = 0;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    stall = Math.max(stall, now - last);
    last = now;
    if (writing) setImmediate(look);
  };
  setImmediate(look);
  await snapshots.write({ catalog });
  writing = false;
  return { stall_ms: stall };
}

async function timed(name: string, work: () => Promise<Figures>): Promise<Figures> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const more = await work();
  const wall = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { [`${name}_s`]: wall / 1000, [`${name}_cpu_s`]: (user + system) / 1e6, ...more };
}

/** Event `n` of the log: of each item an upsert and then interactions. */
function eventAt(n: number): Event {
  const i = Math.floor(n / EVENTS_PER_ITEM);
  const base = {
    id: `event-${n}` as EventId,
    time: (1_700_000_000_000 + n) as EpochMs,
    item: `video-${i}` as ItemId,
  };
  if (n % EVENTS_PER_ITEM > 0) {
    return { kind: "interaction", ...base, user: `user-${n % 99_991}` as UserId, type: "watch", value: 0.8 };
  }
  const facts = {
    title: `The story of number ${i}`,
    creator: `creator-${i % 9973}`,
    categories: [`category-${i % 31}`, `theme-${i % 211}`],
    duration: 10 + (i % 600),
  };
  return { kind: "item", ...base, facts };
}
