/**
 * The state of a user as it was at a moment, from the log and, where the log has been cut off, from a base: what did
 * the model see?
 *
 * What was forgotten since is not in it, whichever moment is asked for: the log keeps it only until it is compacted,
 * and an answer must not depend on whether that has been done.
 */
import { type EpochMs, type Offset, UpnextError, type UserId } from "../core/index.ts";
import type { EventLog } from "../events/index.ts";
import type { Snapshot, Snapshots } from "../snapshots/index.ts";
import {
  emptyState,
  eraseBefore,
  mergeTouches,
  type StateLimits,
  type Touch,
  touchOf,
  type UserState,
  withoutExpired,
} from "../state/index.ts";
import type { Moment } from "./recommender.ts";

/**
 * By an offset: what a request saw whose answer reflects it, touches included that had expired by then. By a time:
 * everything that had happened by then, also what came into the log later, without what had expired.
 *
 * Rejects with `invalid_request` where retention has dropped what the moment needs.
 *
 * @param limits those of the store
 * @param at an offset is at most the log's end
 */
export function stateAt(
  log: EventLog,
  snapshots: Pick<Snapshots, "base">,
  limits: StateLimits,
  user: UserId,
  at: Moment,
): Promise<UserState> {
  return "time" in at
    ? stateAtTime(log, snapshots, limits, user, at.time)
    : stateAtOffset(log, snapshots, limits, user, at.offset);
}

async function stateAtOffset(
  log: EventLog,
  snapshots: Pick<Snapshots, "base">,
  limits: StateLimits,
  user: UserId,
  offset: Offset,
): Promise<UserState> {
  const base = await snapshots.base({ from: log.first, through: offset });
  if (base === undefined && log.first > 0) throw dropped(log, `offset ${offset}`);
  const from = base?.offset ?? (0 as Offset);
  const { touches, erasedAt } = await eventsOf(log, from, user, (place) => place < offset);
  const before = base === undefined ? emptyState(user) : await stateIn(base, user);
  return mergeTouches(eraseBefore(before, erasedAt), touches, limits);
}

async function stateAtTime(
  log: EventLog,
  snapshots: Pick<Snapshots, "base">,
  limits: StateLimits,
  user: UserId,
  time: EpochMs,
): Promise<UserState> {
  const base = log.first === 0 ? undefined : await snapshots.base({ from: log.first });
  if (base === undefined && log.first > 0) throw dropped(log, "a time");
  const { touches, erasedAt } = await eventsOf(log, log.first, user, (_, touch) => touch.time <= time);
  const held = base === undefined ? emptyState(user) : await stateIn(base, user);
  const before: UserState = {
    ...held,
    touches: held.touches.filter((touch) => touch.time <= time),
    vetoes: held.vetoes.filter((touch) => touch.time <= time),
  };
  const state = mergeTouches(eraseBefore(before, erasedAt), touches, limits);
  if (base !== undefined && !lacksNothing(base, held, state, limits, time))
    throw dropped(log, "an earlier time");
  return withoutExpired(state, limits, time);
}

/** Whether no touch of the moment can have left the state before the base was written. */
function lacksNothing(
  base: Snapshot,
  held: UserState,
  state: UserState,
  limits: StateLimits,
  time: EpochMs,
): boolean {
  if (limits.maxAge !== undefined && time < base.createdAt) return false;
  // A list that was not full had pushed nothing out; one that is full now has no room for what was.
  const touches = held.touches.length < limits.touches || state.touches.length === limits.touches;
  const vetoes = held.vetoes.length < limits.vetoes || state.vetoes.length === limits.vetoes;
  return touches && vetoes;
}

/** The user's touches from `from` on that `belongs` lets through, and the newest erasure of all. */
async function eventsOf(
  log: EventLog,
  from: Offset,
  user: UserId,
  belongs: (offset: Offset, touch: Touch) => boolean,
): Promise<{ readonly touches: readonly Touch[]; readonly erasedAt: EpochMs }> {
  const touches: Touch[] = [];
  let erasedAt = -Infinity as EpochMs;
  for await (const batch of log.read(from)) {
    for (const { offset, event } of batch) {
      if (event.kind === "erasure" && event.user === user && event.time > erasedAt) erasedAt = event.time;
      if (event.kind !== "interaction" || event.user !== user) continue;
      const touch = touchOf(event);
      if (belongs(offset, touch)) touches.push(touch);
    }
  }
  return { touches, erasedAt };
}

async function stateIn(base: Snapshot, user: UserId): Promise<UserState> {
  for await (const state of base.states()) if (state.user === user) return state;
  return emptyState(user);
}

function dropped(log: EventLog, moment: string): UpnextError {
  return new UpnextError(
    "invalid_request",
    `stateAt: expected a moment of which the states are known, got ${moment}: the log begins at ${log.first}, and the snapshots from there on no longer have all touches of that moment; ask for a later one`,
  );
}
