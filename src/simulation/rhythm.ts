/** When in the day and the week a user comes. */
import { DAY, HOUR } from "../core/index.ts";
import { dayOf, type World } from "./world.ts";

/** At the hour farthest from a user's best one, and on a weekday, relative to the best hour of a weekend. */
const NIGHT = 0.1;
const WEEKDAY = 0.85;

/** Mean of `rhythm` over a week: the squared raised cosine has mean 3/8. */
export const MEAN_RHYTHM = (NIGHT + (1 - NIGHT) * 0.375) * ((2 + 5 * WEEKDAY) / 7);

/** How likely `user` comes at `time`, relative to the best hour of a weekend: 0 to 1. */
export function rhythm(world: World, user: number, time: number): number {
  const hour = (time % DAY) / HOUR;
  const apart = ((hour - world.population.peakHour[user]!) * Math.PI) / 12;
  const near = 0.5 + 0.5 * Math.cos(apart);
  const weekday = ((dayOf(world, time) % 7) + 7) % 7;
  return (weekday < 5 ? WEEKDAY : 1) * (NIGHT + (1 - NIGHT) * near * near);
}
