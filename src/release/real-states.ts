/** States of real users of a log, as serving would have them at its end. */
import { type EpochMs, type EventId, Random } from "../core/index.ts";
import { INTERACTION_TYPE_NAMES, isVeto } from "../events/index.ts";
import { DEFAULT_LIMITS, emptyState, type Touch, type UserState } from "../state/index.ts";
import type { History } from "../training/index.ts";

/** Requests are measured with so many users; more would only take longer to make. */
const USERS = 200;
/** Where fewer have as many visits as wanted, those with the longest histories join them. */
const FEWEST = 20;

/** Of users with at least so many visits, drawn by seed; of a small log, those with the longest histories. */
export function realStates(history: History, visits: number, seed: number): readonly UserState[] {
  const counts = history.users.map((_, user) => visitsOf(history, user));
  const users = history.users.map((_, user) => user).filter((user) => counts[user]! > 0);
  const long = users.filter((user) => counts[user]! >= visits);
  const random = new Random(`${seed}/states`);
  const chosen =
    long.length >= FEWEST
      ? drawn(long, USERS, random)
      : users.sort((a, b) => counts[b]! - counts[a]! || a - b).slice(0, FEWEST);
  return chosen.map((user) => stateOf(history, user));
}

function drawn(users: readonly number[], count: number, random: Random): readonly number[] {
  const order = Int32Array.from(users);
  random.shuffle(order);
  return [...order.subarray(0, count)];
}

function visitsOf({ offsets, items }: History, user: number): number {
  let visits = 0;
  for (let e = offsets[user]!; e < offsets[user + 1]!; e++) {
    if (e === offsets[user] || items[e] !== items[e - 1]) visits++;
  }
  return visits;
}

function stateOf(history: History, user: number): UserState {
  const { catalog, users, offsets, items, times, types, values, surfaces, surfaceNames } = history;
  const touches: Touch[] = [];
  const vetoes: Touch[] = [];
  const { touches: most, vetoes: mostVetoes } = DEFAULT_LIMITS;
  for (let e = offsets[user + 1]! - 1; e >= offsets[user]!; e--) {
    const type = INTERACTION_TYPE_NAMES[types[e]!]!;
    const [list, limit] = isVeto(type) ? [vetoes, mostVetoes] : [touches, most];
    if (list.length >= limit) continue;
    const surface = surfaceNames[surfaces[e]!];
    list.push({
      id: `${e}` as EventId,
      item: catalog.idOf(items[e]!),
      type,
      value: values[e]!,
      time: times[e]! as EpochMs,
      ...(surface !== undefined && { surface }),
    });
  }
  return { ...emptyState(users[user]!), touches, vetoes };
}
