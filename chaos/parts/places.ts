/** A place of its own for every kind of state store, with the server that it needs. */
import { join } from "node:path";
import type { StatePlace } from "../../src/state/index.ts";
import { dynamoDbServer } from "../../test/servers/dynamodb.ts";
import { redisCluster, redisMissing, redisServer } from "../../test/servers/redis.ts";

export interface Rented {
  readonly place: StatePlace;
  stop(): Promise<void>;
}

type Rent = (folder: string) => Promise<Rented>;
const nothing = async () => {};

export const PLACES: Readonly<Record<StatePlace["store"], Rent>> = {
  memory: async () => ({ place: { store: "memory" }, stop: nothing }),
  lmdb: async (folder) => ({ place: { store: "lmdb", path: join(folder, "lmdb") }, stop: nothing }),
  async redis() {
    const server = await redisServer();
    return { place: { store: "redis", url: server.url }, stop: () => server.stop() };
  },
  async "redis-cluster"() {
    const cluster = await redisCluster();
    return { place: { store: "redis-cluster", nodes: cluster.urls }, stop: () => cluster.stop() };
  },
  async dynamodb() {
    const server = await dynamoDbServer();
    return { place: await server.newTable(), stop: () => server.stop() };
  },
};

/** Why a store cannot be tried here; undefined where it can. */
export function whyNot(store: StatePlace["store"]): string | undefined {
  return store.startsWith("redis") ? redisMissing : undefined;
}
