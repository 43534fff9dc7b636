/** Small worlds in which the right order is known. */
import { type EventId, Random } from "../../src/core/index.ts";
import type { Event, Interaction } from "../../src/events/index.ts";
import { at, HOUR_MS, itemId, START, took } from "./logs.ts";

/** Users who go round a ring of items, each from a place of its own, a step an hour: the next item is certain. */
export function ring(items: number, users: number, steps: number): Interaction[] {
  const events: Interaction[] = [];
  for (let step = 0; step < steps; step++) {
    for (let user = 0; user < users; user++) {
      const item = (user * 7 + step) % items;
      events.push(took(`u${user}`, `v${item}`, START + step * HOUR_MS + user));
    }
  }
  return events;
}

/**
 * Two kinds of users, none of whom one source can serve alone: walkers go round a ring, a step a day; readers take the
 * news of the day, one item that is published in the morning and that nobody wants the day after.
 */
export function walkersAndReaders(walkers: number, readers: number, days: number): Event[] {
  const events: Event[] = [];
  for (let day = 0; day < days; day++) {
    const morning = START + day * 24 * HOUR_MS;
    const facts = { publishedAt: at(morning) };
    events.push({
      kind: "item",
      id: `n${day}` as EventId,
      time: at(morning),
      item: itemId(`n${day}`),
      facts,
    });
    for (let user = 0; user < walkers; user++)
      events.push(took(`w${user}`, `v${(user * 3 + day) % (walkers * 3)}`, morning + HOUR_MS + user));
    for (let user = 0; user < readers; user++)
      events.push(took(`r${user}`, `n${day}`, morning + 2 * HOUR_MS + user));
  }
  return events;
}

/** A board of `items`: even users take even items, odd users odd ones, `each` of them in an order of chance. */
export function checkerboard(items: number, users: number, each: number): Interaction[] {
  const random = new Random("checkerboard");
  const events: Interaction[] = [];
  for (let user = 0; user < users; user++) {
    const own = Array.from({ length: items / 2 }, (_, i) => 2 * i + (user % 2));
    random.shuffle(own);
    for (let step = 0; step < each; step++)
      events.push(took(`u${user}`, `v${own[step]}`, START + step * HOUR_MS + user));
  }
  return events.sort((a, b) => a.time - b.time);
}
