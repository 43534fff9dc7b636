/**
 * The algebra of user state: "the newest N of a set, above an erasure" as pure functions.
 *
 * A touch is the same touch where time and id are; the log takes an id once, so that is to say where the id is. Touches
 * are ordered by (time, id), and then by content, so that even two different touches of one name end alike in every
 * order of arrival: the greater one stays. A state keeps the greatest N of all touches it was ever given, and nothing
 * at or before the newest erasure. Each of these is a maximum or a cut from below, so merging is commutative,
 * associative and idempotent, and dropping early loses nothing: what N greater touches have pushed out can never come
 * back. Ids are compared by UTF-16 code units.
 */
import type { EpochMs } from "../core/index.ts";
import { type Interaction, interactionCode, isVeto } from "../events/index.ts";
import type { StateLimits, Touch, UserState } from "./user-state.ts";

/** The touch that an interaction leaves in the state of its user. */
export function touchOf(interaction: Interaction): Touch {
  const { id, item, type, time, surface, value = Number.NaN } = interaction;
  return surface === undefined ? { id, item, type, value, time } : { id, item, type, value, time, surface };
}

/** `state` with `touches` (any order, repetitions allowed). Returns `state` itself where nothing changes. */
export function mergeTouches(state: UserState, touches: readonly Touch[], limits: StateLimits): UserState {
  const engaged = mergeList(state.touches, touches, false, state.erasedAt, limits.touches);
  const vetoes = mergeList(state.vetoes, touches, true, state.erasedAt, limits.vetoes);
  if (engaged === state.touches && vetoes === state.vetoes) return state;
  return { user: state.user, touches: engaged, vetoes, erasedAt: state.erasedAt };
}

/** `state` without everything at or before `time`, for ever. Returns `state` itself where that was so already. */
export function eraseBefore(state: UserState, time: EpochMs): UserState {
  if (!(time > state.erasedAt)) return state;
  return {
    user: state.user,
    touches: dropUntil(state.touches, time),
    vetoes: dropUntil(state.vetoes, time),
    erasedAt: time,
  };
}

/**
 * `state` without the touches that are as old as `maxAge` or older. Since time only goes on, what has expired
 * once may be dropped for good. Returns `state` itself where nothing has expired.
 */
export function withoutExpired(
  state: UserState,
  { maxAge }: Pick<StateLimits, "maxAge">,
  now: EpochMs,
): UserState {
  if (maxAge === undefined) return state;
  const touches = dropUntil(state.touches, now - maxAge);
  const vetoes = dropUntil(state.vetoes, now - maxAge);
  if (touches === state.touches && vetoes === state.vetoes) return state;
  return { user: state.user, touches, vetoes, erasedAt: state.erasedAt };
}

/** `touches` in the order of a state, each once. */
export function newestFirst(touches: readonly Touch[]): readonly Touch[] {
  return touches.length < 2 ? touches : mergeSorted([], [...touches].sort(compareTouches), touches.length);
}

/** Negative where `a` comes first: newest first. 0 only for equal touches. */
function compareTouches(a: Touch, b: Touch): number {
  if (a.time !== b.time) return b.time - a.time;
  if (a.id !== b.id) return a.id > b.id ? -1 : 1;
  if (a.item !== b.item) return a.item > b.item ? -1 : 1;
  if (a.surface !== b.surface) return (a.surface ?? "") > (b.surface ?? "") ? -1 : 1;
  if (a.type !== b.type) return interactionCode(b.type) - interactionCode(a.type);
  return orderOfValue(b.value) - orderOfValue(a.value);
}

/** "No value" is below every value. */
function orderOfValue(value: number): number {
  return Number.isNaN(value) ? -Number.MAX_VALUE : value;
}

/**
 * One of the two lists of a state. `list` is newest first, without repetitions, above `erasedAt`; so is the result,
 * cut at `limit`. Only the touches with `isVeto(type) === veto` are taken.
 */
function mergeList(
  list: readonly Touch[],
  touches: readonly Touch[],
  veto: boolean,
  erasedAt: number,
  limit: number,
): readonly Touch[] {
  const fresh: Touch[] = [];
  for (const touch of touches) {
    if (isVeto(touch.type) === veto && touch.time > erasedAt) fresh.push(touch);
  }
  if (fresh.length === 0) return list.length <= limit ? list : list.slice(0, limit);

  // The everyday case: one touch that is newer than all others.
  const first = fresh[0]!;
  if (fresh.length === 1 && limit > 0 && (list.length === 0 || first.time > list[0]!.time)) {
    return [first].concat(list.length < limit ? list : list.slice(0, limit - 1));
  }

  if (fresh.length > 1) fresh.sort(compareTouches);
  return mergeSorted(list, fresh, limit);
}

/** Merges two lists, each newest first, taking the first of equally named touches. Returns `a` where equal to it. */
function mergeSorted(a: readonly Touch[], b: readonly Touch[], limit: number): readonly Touch[] {
  const merged: Touch[] = [];
  let last: Touch | undefined;
  let i = 0;
  let j = 0;
  let taken = 0;
  while (merged.length < limit && (i < a.length || j < b.length)) {
    const fromA = j === b.length || (i < a.length && compareTouches(a[i]!, b[j]!) <= 0);
    const touch = fromA ? a[i++]! : b[j++]!;
    if (last !== undefined && touch.time === last.time && touch.id === last.id) continue;
    merged.push(touch);
    last = touch;
    if (!fromA) taken++;
  }
  return taken === 0 && merged.length === a.length ? a : merged;
}

function dropUntil(list: readonly Touch[], time: number): readonly Touch[] {
  let kept = list.length;
  while (kept > 0 && list[kept - 1]!.time <= time) kept--;
  return kept === list.length ? list : list.slice(0, kept);
}
