/** Units of time as types, so that a duration is never taken for a moment. */
import type { Brand } from "./brand.ts";

/** A duration in milliseconds. */
export type Ms = Brand<number, "Ms">;
/** A moment: milliseconds since 1970-01-01 UTC. */
export type EpochMs = Brand<number, "EpochMs">;

export const SECOND = 1_000 as Ms;
export const MINUTE = 60_000 as Ms;
export const HOUR = 3_600_000 as Ms;
export const DAY = 86_400_000 as Ms;
