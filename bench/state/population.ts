/**
 * What many users take: file and memory. Each store is filled by one process and read by a fresh one, so that the
 * memory of the reader is that of reading. DynamoDB is left out: dynalite is no store for many.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type EpochMs, type EventId, type ItemId, Random, type UserId } from "../../src/core/index.ts";
import type { StatePlace, UserTouches } from "../../src/state/index.ts";
import { rounded } from "../figures/spread.ts";
import { Child, serveParent } from "./child.ts";
import { called, type Figures, timed } from "./measure.ts";
import { useOf } from "./redis.ts";
import type { OpenStateStore, Servers } from "./stores.ts";

const TOUCHES = 50;
const BATCH = 1000;
const READS = 100_000;
const STORES = ["memory", "lmdb", "redis"] as const;
/** 5.5 KB each are more than Node's heap has room for. */
const MOST_IN_MEMORY = 200_000;

interface Task {
  /** Where the compiled package is. */
  readonly dist: string;
  readonly place: StatePlace;
  readonly users: number;
  readonly fill: boolean;
  readonly read: boolean;
}

export function serve(): void {
  serveParent(work);
}

export async function population(dist: string, { places, redis }: Servers, users: number) {
  const rows: Record<string, unknown>[] = [];
  for (const store of STORES) {
    const place = places.get(store);
    if (place === undefined) continue;
    if (place.store === "memory" && users > MOST_IN_MEMORY) {
      rows.push({ store, "not measured": `above ${MOST_IN_MEMORY} users Node's heap is too small` });
      continue;
    }
    const tasks = place.store === "memory" ? [{ fill: true, read: true }] : [{ fill: true }, { read: true }];
    const figures: Record<string, number> = {};
    for (const task of tasks) {
      const child = Child.start<Task, Figures>("population.ts");
      Object.assign(figures, await child.ask({ dist, place, users, fill: false, read: false, ...task }));
      await child.close();
    }
    if (place.store === "lmdb") {
      figures["file MB"] = rounded((await stat(join(place.path, "data.mdb"))).size / 1e6);
    }
    const use = redis.has(store) ? await useOf(redis.get(store)!) : undefined;
    if (use !== undefined) figures["used_memory MB"] = rounded((await use.bytes()) / 1e6);
    await use?.close();
    rows.push({ store, ...figures });
  }
  return { users, touches: TOUCHES, stores: rows };
}

async function work({ dist, place, users, fill, read }: Task): Promise<Figures> {
  const { openStateStore } = (await import(join(dist, "state", "index.js"))) as {
    openStateStore: OpenStateStore;
  };
  const store = await openStateStore(place, { limits: { touches: TOUCHES, vetoes: TOUCHES } });
  const figures: Record<string, number> = {};
  if (fill) {
    const { seconds } = await timed(async () => {
      for (let from = 0; from < users; from += BATCH)
        await store.write(batch(from, Math.min(from + BATCH, users)));
    });
    figures["written, touches/s"] = rounded((users * TOUCHES) / seconds);
  }
  if (read) {
    const random = new Random("population");
    const anyone = async () => {
      const { touches } = await store.read(`u${random.int(users)}` as UserId);
      if (touches.length !== TOUCHES) throw new Error("bench/state: read a user who should have touches");
    };
    const measured = await called("read", READS, 1, anyone);
    for (const [what, value] of Object.entries(measured)) figures[what] = rounded(value);
    figures["reader RSS MB"] = rounded(process.memoryUsage.rss() / 1e6);
  }
  await store.close();
  return figures;
}

function batch(from: number, to: number): UserTouches[] {
  return Array.from({ length: to - from }, (_, i) => ({
    user: `u${from + i}` as UserId,
    touches: Array.from({ length: TOUCHES }, (_, touch) => ({
      id: `event-${from + i}-${touch}` as EventId,
      item: `v${((from + i) * 31 + touch * 97) % 50_000}` as ItemId,
      type: "watch" as const,
      value: (touch % 10) / 10,
      time: (1_700_000_000_000 + touch * 60_000) as EpochMs,
    })),
  }));
}
