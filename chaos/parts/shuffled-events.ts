/** Events for `shuffle`: many ties in time, vetoes, erasures in the middle of a user's life, more than a state may hold. */
import type { EpochMs, EventId, ItemId, UserId } from "../../src/core/index.ts";
import { Random } from "../../src/core/index.ts";
import type { Erasure, Event, Interaction } from "../../src/events/index.ts";
import { INTERACTION_TYPE_NAMES } from "../../src/events/index.ts";

/** Twice what a state keeps of a user's events on average: every limit is reached. */
export const LIMITS = { touches: 25, vetoes: 8 };
const EVENTS_A_USER = 50;
const ITEMS = 5000;
/** So few moments that many events of a user are at the same one. */
const MOMENTS = 40;
const BEGIN = 1_700_000_000_000;
const MOST_TIMES = 5;

export function shuffledEvents(count: number, seed: string): readonly (Interaction | Erasure)[] {
  const random = new Random(`shuffle ${seed}`);
  const users = Math.max(1, Math.round(count / EVENTS_A_USER));
  return Array.from({ length: count }, (_, n) => {
    const base = {
      id: `e${n}` as EventId,
      user: `u${random.int(users)}` as UserId,
      time: (BEGIN + random.int(MOMENTS) * 3_600_000) as EpochMs,
    };
    if (random.next() < 0.005) return { ...base, kind: "erasure" };
    const type = random.pick(INTERACTION_TYPE_NAMES);
    const touch = { ...base, kind: "interaction", item: `v${random.int(ITEMS)}` as ItemId, type } as const;
    return type === "watch" ? { ...touch, value: random.int(11) / 10 } : touch;
  });
}

/** The index of each event one to five times, in any order. */
export function deliveries(count: number, seed: string): Uint32Array {
  const random = new Random(`deliveries ${seed}`);
  const times = Uint8Array.from({ length: count }, () => 1 + random.int(MOST_TIMES));
  const all = new Uint32Array(times.reduce((sum, each) => sum + each, 0));
  let at = 0;
  for (let n = 0; n < count; n++) at = all.fill(n, at, at + times[n]!) && at + times[n]!;
  return random.shuffle(all);
}

/** Splits the deliveries over writers, each of whom hands out batch after batch. */
export async function deliver(
  events: readonly Event[],
  order: Uint32Array,
  writers: number,
  batch: number,
  write: (writer: number, batch: readonly Event[]) => Promise<unknown>,
): Promise<void> {
  const lane = async (writer: number) => {
    for (let at = writer * batch; at < order.length; at += writers * batch) {
      await write(
        writer,
        Array.from(order.subarray(at, at + batch), (n) => events[n]!),
      );
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => lane(writer)));
}
