export type { StateStore, UserTouches } from "./state-store.ts";
export { DEFAULT_LIMITS, emptyState, type StateLimits, type Touch, type UserState } from "./user-state.ts";
