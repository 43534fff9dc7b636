/**
 * How tastes change. Each interest's strength follows a random walk that is drawn back to its base (an AR(1) process
 * over days), and now and then an interest jumps to another topic. Both are pure functions of user and day: the truth
 * can be asked at any time in any order, and no history of tastes is kept.
 */
import { noise } from "./noise.ts";
import { INTERESTS, type Population } from "./population.ts";
import { drawFrom } from "./sampling.ts";
import type { Topics } from "./topics.ts";

/** What a user likes on one day. */
export interface Taste {
  /** (INTERESTS) topics. */
  readonly topics: Int16Array;
  /** (INTERESTS) log-odds. */
  readonly strengths: Float32Array;
}

export function emptyTaste(): Taste {
  return { topics: new Int16Array(INTERESTS), strengths: new Float32Array(INTERESTS) };
}

/** Probability a day that one interest becomes another one: about 1.8 jumps a user in 30 days. Guess. */
const JUMPS_A_DAY = 0.012;
/** Persistence of the walk from day to day, how many days back it is summed, and its deviation in log strength. */
const PERSISTENCE = 0.92;
const MEMORY_DAYS = 30;
const DEVIATION = 0.35;
/** Makes the sum of uniform steps (variance 1/12) a walk with deviation DEVIATION. */
const STEP = DEVIATION * Math.sqrt(12 * (1 - PERSISTENCE * PERSISTENCE));

/** Writes into `taste` what `user` likes on `day` (0 is the period's first day; may be negative or after its end). */
export function tasteOn(
  population: Population,
  topics: Topics,
  salt: number,
  user: number,
  day: number,
  taste: Taste,
): void {
  for (let i = 0; i < INTERESTS; i++) {
    const at = user * INTERESTS + i;
    const stream = user * INTERESTS + i;
    let walk = 0;
    let weight = STEP;
    for (let back = 0; back < MEMORY_DAYS; back++) {
      walk += weight * (noise(salt, stream, day - back, 1) - 0.5);
      weight *= PERSISTENCE;
    }
    taste.strengths[i] = population.strengths[at]! * Math.exp(walk);
    taste.topics[i] = population.interests[at]!;
    for (let jump = day; jump > 0; jump--) {
      if (noise(salt, stream, jump, 2) >= JUMPS_A_DAY) continue;
      taste.topics[i] = drawFrom(topics.common, noise(salt, stream, jump, 3));
      break;
    }
  }
}
