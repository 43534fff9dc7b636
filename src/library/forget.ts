/** Forgetting a user: the event, its effect on states and files, and the receipt. */
import type { Catalog } from "../catalog/index.ts";
import type { Clock, EpochMs, Ms, Offset, UserId } from "../core/index.ts";
import type { AppendResult, EventLog } from "../events/index.ts";
import type { ErasureReceipt, Erasures } from "../pipeline/index.ts";
import type { UserState } from "../state/index.ts";
import type { States } from "./states.ts";

export interface ForgetParts {
  readonly log: Pick<EventLog, "read">;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly states: States;
  readonly erasures: Erasures;
  readonly stateOf: (user: UserId) => Promise<UserState>;
  /** Appends the erasure; resolves when it is durable and applied. */
  readonly erase: (user: UserId, time: EpochMs) => Promise<AppendResult>;
}

/** How long `forget` waits for a store that is elsewhere before it says that it will get the erasure later. */
const SETTLE_MS = 2_000 as Ms;

export async function forget(user: UserId, parts: ForgetParts): Promise<ErasureReceipt> {
  const { states, erasures } = parts;
  const before = await parts.stateOf(user).catch(() => undefined);
  const time = await newestOf(user, before, parts);
  const { offset } = await parts.erase(user, time);
  const settled = await states.settled(offset, SETTLE_MS);
  const { compaction, snapshots } = await erasures.carryOut();
  const removed = compaction.users.get(user);
  const touches = before === undefined ? null : before.touches.length + before.vetoes.length;
  // Of what retention has dropped, the log no longer knows where it was.
  const firstOffset = removed?.firstOffset ?? (touches === 0 ? Number.POSITIVE_INFINITY : 0);
  return {
    user,
    time,
    offset,
    state: { store: states.name, touches, done: settled },
    log: { events: removed?.events ?? 0, files: compaction.segments },
    snapshots,
    bundles: await erasures.bundlesSince(firstOffset),
  };
}

/**
 * The moment up to which a user is forgotten. Clients' clocks may be ahead of this one: it takes everything that is
 * known, whatever its time.
 *
 * @param state undefined where the store did not give it; then the log is asked
 */
async function newestOf(
  user: UserId,
  state: UserState | undefined,
  { catalog, clock, log }: ForgetParts,
): Promise<EpochMs> {
  let newest: number = Math.max(clock.now(), catalog.factsTime(user) ?? -Infinity);
  if (state !== undefined) {
    for (const { time } of [...state.touches, ...state.vetoes]) newest = Math.max(newest, time);
    return newest as EpochMs;
  }
  for await (const batch of log.read(0 as Offset)) {
    for (const { event } of batch) {
      if (event.kind === "interaction" && event.user === user) newest = Math.max(newest, event.time);
    }
  }
  return newest as EpochMs;
}
