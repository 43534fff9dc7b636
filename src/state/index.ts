export { evidence, MIN_WATCH_SHARE } from "./evidence.ts";
export { memoryStore } from "./memory-store.ts";
export { eraseBefore, mergeTouches, touchOf } from "./merge-touches.ts";
export { stateDigest } from "./state-digest.ts";
export type { StateStore, UserTouches } from "./state-store.ts";
export { DEFAULT_LIMITS, emptyState, type StateLimits, type Touch, type UserState } from "./user-state.ts";
