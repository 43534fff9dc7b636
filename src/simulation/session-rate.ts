/**
 * How often users come, so that the period ends with about as many interactions as were asked for. What a session
 * yields is not known beforehand: it is measured as the period goes on, and each day's rate makes up for the days
 * before.
 */
import { DAY } from "../core/index.ts";
import { MEAN_RHYTHM } from "./rhythm.ts";
import type { World } from "./world.ts";

/** Interactions a session before any is known, and how many sessions that guess counts as. */
const YIELD = 6;
const GUESS_COUNTS = 30;
/** Sessions a day at the rate of a user's best hour; nobody comes more often. */
const MOST_A_DAY = 60;

export class SessionRate {
  private readonly world: World;
  private factor = 0;
  private sessions = 0;
  private interactions = 0;

  constructor(world: World) {
    this.world = world;
  }

  sessionBegan(): void {
    this.sessions++;
  }

  interacted(): void {
    this.interactions++;
  }

  /** Sets the rates of `day`, 0-based. */
  adjust(day: number): void {
    const { population, size } = this.world;
    let activity = 0;
    for (let user = 0; user < population.count; user++) {
      const joined = (population.joinedAt[user]! - size.start) / DAY;
      activity += population.activity[user]! * (size.days - Math.max(day, joined));
    }
    const perSession = (this.interactions + YIELD * GUESS_COUNTS) / (this.sessions + GUESS_COUNTS);
    const wanted = Math.max(0, size.events - this.interactions) / perSession;
    this.factor = wanted / (activity * MEAN_RHYTHM);
  }

  /** Sessions a day, were every hour the user's best one; to be thinned by `rhythm`. */
  sessionsADay(user: number): number {
    return Math.min(MOST_A_DAY, this.factor * this.world.population.activity[user]!);
  }
}
