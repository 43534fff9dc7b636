import { openLmdbStore } from "./lmdb-store.ts";
import { memoryStore } from "./memory-store.ts";
import type { StateStore, StateStoreOptions } from "./state-store.ts";

/** Every store, by name: a new one is its file and one line here. Drivers are loaded when a store is opened. */
export const STATE_STORES = {
  memory: async (options) => memoryStore(options),
  lmdb: openLmdbStore,
} as const satisfies Record<string, (options: StateStoreOptions) => Promise<StateStore>>;

export { evidence } from "./evidence.ts";
export { openLmdbStore } from "./lmdb-store.ts";
export { memoryStore } from "./memory-store.ts";
export { eraseBefore, mergeTouches, touchOf } from "./merge-touches.ts";
export { stateDigest } from "./state-digest.ts";
export type { StateStore, StateStoreOptions, UserTouches } from "./state-store.ts";
export { DEFAULT_LIMITS, emptyState, type StateLimits, type Touch, type UserState } from "./user-state.ts";
