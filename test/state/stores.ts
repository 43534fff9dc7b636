/** Where each store of the list keeps its states in a test: one line a store, and why it is skipped where it has to be. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { STATE_STORES, StatePlace } from "../../src/state/index.ts";
import { dynamoDbServer } from "../servers/dynamodb.ts";
import { redisCluster, redisMissing, redisServer } from "../servers/redis.ts";

export interface Places {
  /** A place where nothing is yet. */
  newPlace(): Promise<StatePlace>;
  /** Stops what was started for them. */
  stop(): Promise<void>;
}

interface TestStore {
  readonly start: () => Promise<Places>;
  /** Of what one opened store does, what is there at once for another one on the same place. */
  readonly shared: "nothing" | "writes" | "everything";
  readonly missing?: string | undefined;
}

export type StoreName = keyof typeof STATE_STORES;

export const TEST_STORES: { readonly [name in StoreName]: TestStore } = {
  memory: { start: memoryPlaces, shared: "nothing" },
  lmdb: { start: lmdbPlaces, shared: "writes" },
  redis: { start: redisPlaces, shared: "everything", missing: redisMissing },
  "redis-cluster": { start: clusterPlaces, shared: "everything", missing: redisMissing },
  dynamodb: { start: dynamoDbPlaces, shared: "everything" },
};

/** For the title of a suite: which store, and why it is skipped. */
export function titleOf(name: StoreName): string {
  const { missing } = TEST_STORES[name];
  return missing === undefined ? name : `${name} (skipped: ${missing})`;
}

async function memoryPlaces(): Promise<Places> {
  return { newPlace: async () => ({ store: "memory" }), stop: async () => {} };
}

async function lmdbPlaces(): Promise<Places> {
  const folder = await mkdtemp(join(tmpdir(), "upnext-state-"));
  let places = 0;
  return {
    newPlace: async () => ({ store: "lmdb", path: join(folder, String(places++)) }),
    stop: () => rm(folder, { recursive: true }),
  };
}

async function redisPlaces(): Promise<Places> {
  const server = await redisServer();
  let places = 0;
  return {
    newPlace: async () => ({ store: "redis", url: server.url, prefix: `test-${places++}` }),
    stop: () => server.stop(),
  };
}

async function clusterPlaces(): Promise<Places> {
  const cluster = await redisCluster();
  let places = 0;
  return {
    newPlace: async () => ({ store: "redis-cluster", nodes: cluster.urls, prefix: `test-${places++}` }),
    stop: () => cluster.stop(),
  };
}

async function dynamoDbPlaces(): Promise<Places> {
  const server = await dynamoDbServer();
  return { newPlace: () => server.newTable(), stop: () => server.stop() };
}
