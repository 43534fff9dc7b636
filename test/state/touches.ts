/** Touches for the state tests: by hand, and by fast-check with ids and times that collide on purpose. */
import fc from "fast-check";
import type { EpochMs, EventId, ItemId, Offset, UserId } from "../../src/core/index.ts";
import {
  type Erasure,
  type Interaction,
  type InteractionType,
  isVeto,
  type LoggedEvent,
} from "../../src/events/index.ts";
import type { StateLimits, Touch, UserState } from "../../src/state/index.ts";

export const user = (name: string) => name as UserId;
export const at = (time: number) => time as EpochMs;

export function touch(
  id: string,
  time: number,
  more: { item?: string; type?: InteractionType; value?: number; surface?: string | undefined } = {},
): Touch {
  const { item = "v1", type = "watch", value = Number.NaN, surface } = more;
  const made = { id: id as EventId, item: item as ItemId, type, value, time: at(time) };
  return surface === undefined ? made : { ...made, surface };
}

export function interaction(who: string, from: Touch): Interaction {
  const { value, ...known } = from;
  const base = { kind: "interaction", user: user(who), ...known } as const;
  return Number.isNaN(value) ? base : { ...base, value };
}

export function erasure(who: string, time: number): Erasure {
  return { kind: "erasure", id: `x-${who}-${time}` as EventId, user: user(who), time: at(time) };
}

export const logged = (events: readonly LoggedEvent["event"][], from = 0): LoggedEvent[] =>
  events.map((event, i) => ({ offset: (from + i) as Offset, event }));

/** Few ids and times, so that repetitions, ties and reuse of an id for another touch are common. */
export const anyTouch: fc.Arbitrary<Touch> = fc
  .record({
    id: fc.integer({ min: 0, max: 14 }).map((i) => `e${i}`),
    time: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(-1, 8.64e15, 1_700_000_000_000)),
    item: fc.constantFrom("v1", "v2", "vidéo", "映画"),
    type: fc.constantFrom<InteractionType[]>("watch", "like", "hide", "block"),
    value: fc.constantFrom(Number.NaN, 0, 0.1, 1),
    surface: fc.constantFrom(undefined, "home", "página", "特集"),
  })
  .map(({ id, time, ...more }) => touch(id, time, more));

/** The semantics in plain words: all touches ever, the greatest of each (time, id), above the erasure, the newest N. */
export function model(
  who: string,
  all: readonly Touch[],
  erasures: readonly number[],
  limits: StateLimits,
): UserState {
  const erasedAt = Math.max(-Infinity, ...erasures);
  const newest = (veto: boolean, limit: number) => {
    const ordered = all
      .filter((one) => isVeto(one.type) === veto && one.time > erasedAt)
      .sort((a, b) => (rank(a) < rank(b) ? 1 : rank(a) > rank(b) ? -1 : 0));
    return ordered
      .filter((one, i) => ordered.findIndex((other) => other.id === one.id && other.time === one.time) === i)
      .slice(0, limit);
  };
  return {
    user: user(who),
    touches: newest(false, limits.touches),
    vetoes: newest(true, limits.vetoes),
    erasedAt: at(erasedAt),
  };
}

/** (time, id, item, surface, code, value) as text whose order is theirs, for the values that `anyTouch` makes. */
function rank(one: Touch): string {
  const time = String(BigInt(one.time) + 2n * 10n ** 17n); // of one length for every time there is
  const code = ["watch", "like", "hide", "block"].indexOf(one.type);
  const value = Number.isNaN(one.value) ? "-" : String(one.value);
  return [time, one.id, one.item, one.surface ?? "", code, value].join("\u0000");
}
