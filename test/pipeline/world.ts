/** A small simulated platform with a trained bundle, and every part of the request path real: log, store, models. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
import {
  type Clock,
  DAY,
  type EpochMs,
  ManualClock,
  type Ms,
  silent,
  type UserId,
} from "../../src/core/index.ts";
import { type Event, type EventLog, memoryLog } from "../../src/events/index.ts";
import {
  type Arrival,
  Follower,
  type PathParts,
  type PathResult,
  type PathSettings,
  RankingCost,
  type RecommendRequest,
  runPath,
  type ServingModels,
} from "../../src/pipeline/index.ts";
import { servingModels } from "../../src/pipeline/serving-models.ts";
import { DEFAULT_POLICY } from "../../src/policy/index.ts";
import { openFileRegistry, type Registry } from "../../src/registry/index.ts";
import { simulate } from "../../src/simulation/index.ts";
import { memoryStore, type StateStore } from "../../src/state/index.ts";
import { DEFAULT_TRAIN, train } from "../../src/training/index.ts";
import { tickingClock } from "../ticking-clock.ts";

export const END = Date.UTC(2026, 0, 1) as EpochMs;

export const SETTINGS: PathSettings = {
  candidates: 500,
  perSource: 500,
  headWeights: {},
  policy: DEFAULT_POLICY,
};

export interface World {
  readonly events: readonly Event[];
  readonly log: EventLog;
  readonly catalog: Catalog;
  readonly store: StateStore;
  readonly follower: Follower;
  readonly models: ServingModels;
  readonly registry: Registry;
  close(): Promise<void>;
}

/** Takes some two seconds: once a test file. */
export async function createWorld(): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), "upnext-pipeline-"));
  const events = [...simulate({ users: 60, videos: 200, events: 3000, end: END })].flat();
  const log = memoryLog();
  await log.append(events);
  const clock = new ManualClock(END);
  const registry = await openFileRegistry(directory, { clock });
  const settings = { ...DEFAULT_TRAIN, holdOut: 0, rankerShare: 0.3, maxLists: 150 };
  const looks = tickingClock(settings.timeBudget / 60, END);
  const { bundle } = (await train(log, registry, settings, looks, silent)).report;
  await registry.promote(bundle);
  const catalog = createCatalog();
  const store = memoryStore();
  const follower = new Follower(log, catalog, store);
  await follower.reached(log.end);
  const models = await servingModels(await registry.open(bundle), catalog);
  return {
    events,
    log,
    catalog,
    store,
    follower,
    models,
    registry,
    async close() {
      await models.close();
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** Runs one request a day after the end of the simulation, with a clock that stands still unless told otherwise. */
export function request(
  world: World,
  wanted: Partial<RecommendRequest> & { readonly user: UserId },
  parts: Partial<PathParts> & Arrival & { readonly budget?: number; readonly limit?: number } = {},
): Promise<PathResult> {
  const { budget = 50, limit = 20, acceptedAt, pressure, turn, ...others } = parts;
  const arrival = {
    ...(acceptedAt !== undefined && { acceptedAt }),
    ...(pressure !== undefined && { pressure }),
    ...(turn !== undefined && { turn }),
  };
  const clock: Clock = others.clock ?? new ManualClock((END + DAY) as EpochMs);
  const all: PathParts = {
    catalog: world.catalog,
    models: world.models,
    cost: new RankingCost(),
    settings: SETTINGS,
    readState: () => world.follower.read(wanted.user),
    ...others,
    clock,
  };
  return runPath(wanted, limit, budget as Ms, all, arrival);
}

export const user = (name: string) => name as UserId;

/** Ids of the slate, best slot first. */
export function slateOf(path: PathResult, catalog: Catalog): readonly string[] {
  return Array.from(path.slate.order, (rank) => catalog.idOf(path.candidates.rows[path.ranked[rank]!]!));
}
