/** How a configuration names the stores that are not on this machine: `state: redis({ url: "redis://…" })`. */
import { join } from "node:path";
import type { DynamoDbPlace, RedisClusterPlace, RedisPlace, StatePlace } from "../state/index.ts";
import type { ResolvedConfig } from "./config.ts";
import type { StateSection } from "./schema.ts";

/** What every store takes beside its place. */
type Limits = Pick<StateSection, "touches" | "vetoes" | "maxAge">;

/** User states in one Redis server. */
export function redis(options: Omit<RedisPlace, "store"> & Limits) {
  return { store: "redis" as const, ...options };
}

/** User states in a Redis Cluster. */
export function redisCluster(
  options: Omit<RedisClusterPlace, "store" | "nodes"> & { nodes: string[] } & Limits,
) {
  return { store: "redis-cluster" as const, ...options };
}

/** User states in a DynamoDB table. */
export function dynamodb(options: Omit<DynamoDbPlace, "store"> & Limits = {}) {
  return { store: "dynamodb" as const, ...options };
}

/** The place that a configuration names; that of LMDB is a folder of `directory`. */
export function statePlaceOf({ store, ...rest }: ResolvedConfig["state"], directory: string): StatePlace {
  const { url = "", nodes = [], prefix, table, region, endpoint } = rest;
  const keyed = prefix === undefined ? {} : { prefix };
  switch (store) {
    case "memory":
      return { store };
    case "lmdb":
      return { store, path: join(directory, "state") };
    case "redis":
      return { store, url, ...keyed };
    case "redis-cluster":
      return { store, nodes, ...keyed };
    case "dynamodb":
      return { store, ...(table && { table }), ...(region && { region }), ...(endpoint && { endpoint }) };
  }
}
