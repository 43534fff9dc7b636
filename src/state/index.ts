import { openDynamoDbStore } from "./dynamodb-store.ts";
import { openLmdbStore } from "./lmdb-store.ts";
import { memoryStore } from "./memory-store.ts";
import { openRedisClusterStore, openRedisStore } from "./redis-store.ts";
import type { StatePlace } from "./state-place.ts";
import type { StateStore, StateStoreOptions } from "./state-store.ts";

type OpenStore<P> = (place: P, options: StateStoreOptions) => Promise<StateStore>;

/** Every store, by name: a new one is its file and one line here. Drivers are loaded when a store is opened. */
export const STATE_STORES = {
  memory: async (_, options) => memoryStore(options),
  lmdb: openLmdbStore,
  redis: openRedisStore,
  "redis-cluster": openRedisClusterStore,
  dynamodb: openDynamoDbStore,
} as const satisfies { readonly [P in StatePlace as P["store"]]: OpenStore<P> };

/** Rejects with `store_unavailable`. */
export function openStateStore(place: StatePlace, options: StateStoreOptions): Promise<StateStore> {
  const open = STATE_STORES[place.store] as OpenStore<StatePlace>; // the one for places of this name
  return open(place, options);
}

export { type Compared, compareStates } from "./compare-states.ts";
export { type DynamoDbSetup, setupDynamoDb } from "./dynamodb-setup.ts";
export { openDynamoDbStore } from "./dynamodb-store.ts";
export { catchUp, type FollowedLog } from "./follow-log.ts";
export { openLmdbStore } from "./lmdb-store.ts";
export { memoryStore } from "./memory-store.ts";
export { eraseBefore, mergeTouches, touchOf, withoutExpired } from "./merge-touches.ts";
export { type Migration, type MigrationReport, migrate } from "./migrate.ts";
export {
  type NearCounters,
  type NearHealth,
  type NearStore,
  type NearStoreOptions,
  nearStore,
} from "./near-store.ts";
export { parsePlace, placeText } from "./parse-place.ts";
export { stateDigest } from "./state-digest.ts";
export { decodeStates, encodeStates, forgetInStates } from "./state-image.ts";
export type {
  DynamoDbPlace,
  LmdbPlace,
  MemoryPlace,
  RedisClusterPlace,
  RedisPlace,
  StatePlace,
} from "./state-place.ts";
export type { StateStore, StateStoreOptions, UserTouches } from "./state-store.ts";
export { DEFAULT_LIMITS, emptyState, type StateLimits, type Touch, type UserState } from "./user-state.ts";
export { type BaseStates, fillFromBase, writeStates } from "./write-states.ts";
