/** Instances in directories of their own, with the log of a small simulated platform. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Catalog, catalogDigest, createCatalog } from "../../src/catalog/index.ts";
import { DAY, type EpochMs, type Offset } from "../../src/core/index.ts";
import { type Event, type LoggedEvent, openFileLog } from "../../src/events/index.ts";
import { simulate } from "../../src/simulation/index.ts";
import { memoryStore, openLmdbStore, stateDigest } from "../../src/state/index.ts";
import { type OpenOptions, open, type Upnext, type UpnextConfig } from "../../src/upnext.ts";
import { tickingClock } from "../ticking-clock.ts";

export const END = Date.UTC(2026, 0, 1) as EpochMs;
/** Long enough that nothing is ever late, however busy the machine is. */
export const PATIENT = 60_000;

/** Trains in a second: no measurement, few lists, and time for some dozen steps. */
export const CONFIG: UpnextConfig = {
  training: { holdOut: 0, rankerShare: 0.3, maxLists: 150, timeBudget: 200 },
};

/** Time that no training needs, on a clock that moves on by ten seconds a look: checkpoints are written every few steps. */
export const UNHURRIED = {
  config: { training: { ...CONFIG.training, timeBudget: 1e12 } },
  clock: () => tickingClock(10_000, END + DAY),
};

/** 60 users and 200 videos, some 7,000 events. */
export const simulated: readonly Event[] = [
  ...simulate({ users: 60, videos: 200, events: 3000, end: END }),
].flat();

/** A directory that is removed with everything in it. */
export async function temporary(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "upnext-library-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export function openAt(directory: string, options: Partial<OpenOptions> = {}): Promise<Upnext> {
  return open({ directory, config: CONFIG, clock: tickingClock(1, END + DAY), ...options });
}

/** Every event of the log in `directory`; a writer may be at work on it. */
export async function eventsOf(directory: string): Promise<readonly LoggedEvent[]> {
  const log = await openFileLog(join(directory, "log"), { readOnly: true });
  const events: LoggedEvent[] = [];
  for await (const batch of log.read(0 as Offset)) events.push(...batch);
  await log.close();
  return events;
}

/** What a catalog and a store are that fold the log in `directory` from its beginning. */
export async function foldedDigests(directory: string): Promise<{ catalog: string; state: string }> {
  const events = await eventsOf(directory);
  const catalog = createCatalog();
  catalog.apply(events);
  const store = memoryStore();
  await store.apply(events);
  return { catalog: catalogDigest(catalog), state: await stateDigest(store) };
}

/** The digest of the states on the disk; the instance must be closed. */
export async function storedDigest(directory: string): Promise<{ state: string; applied: number }> {
  const store = await openLmdbStore({ path: join(directory, "state") }, {});
  const digest = { state: await stateDigest(store), applied: store.applied };
  await store.close();
  return digest;
}

/** The catalog that an instance answers from, which is nobody else's business. */
export function catalogIn(instance: Upnext): Catalog {
  const { catalog } = Object(Object(instance).parts);
  if (typeof catalog?.rowOf !== "function") throw new Error("the instance has no catalog where one was");
  return catalog;
}
