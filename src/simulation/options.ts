/** How large the simulated platform is and which of the endless ones it is. */
import { DAY, type EpochMs, UpnextError } from "../core/index.ts";

export interface SimulationOptions {
  /** Default 2,500. */
  readonly users?: number;
  /** Videos, those that appear during the period included. Default 6,000. */
  readonly videos?: number;
  /** Interactions aimed at, within a few percent where users can do that much. Default 88 a user (220,000). */
  readonly events?: number;
  /** Length of the period in days. Default 30. */
  readonly days?: number;
  /** Which of the possible platforms; one seed, one sequence of events. Default 1. */
  readonly seed?: number;
  /** End of the period: no event is later. */
  readonly end: EpochMs;
}

export interface SimulationSize {
  readonly users: number;
  readonly videos: number;
  readonly events: number;
  readonly days: number;
  readonly seed: number;
  readonly start: EpochMs;
  readonly end: EpochMs;
}

/** Bounds that keep every id, time and typed array in range; all are far from what a machine here would finish. */
const LIMITS = {
  users: [1, 10_000_000],
  videos: [1, 10_000_000],
  events: [0, 10_000_000_000],
  days: [1, 3_650],
  seed: [0, Number.MAX_SAFE_INTEGER],
  end: [0, 8_000_000_000_000],
} as const;

/** Fills defaults; throws `invalid_config` where a number is not an integer or out of range. */
export function resolveOptions(options: SimulationOptions): SimulationSize {
  const { users = 2_500, videos = 6_000, days = 30, seed = 1, end } = options;
  const events = options.events ?? users * 88;
  const given = { users, videos, events, days, seed, end };
  for (const name of Object.keys(LIMITS) as (keyof typeof LIMITS)[]) {
    const [low, high] = LIMITS[name];
    const value = given[name];
    if (!Number.isInteger(value) || value < low || value > high)
      throw new UpnextError(
        "invalid_config",
        `simulation option '${name}' must be an integer from ${low} to ${high}, got ${value}`,
      );
  }
  return { users, videos, events, days, seed, start: (end - days * DAY) as EpochMs, end };
}
