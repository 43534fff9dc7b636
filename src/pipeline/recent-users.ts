/** The users of the newest events: read off the end of the log, since nothing else knows who came when. */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs, Offset, UserId } from "../core/index.ts";
import type { EventLog } from "../events/index.ts";
import type { RecentUser } from "./overview.ts";

/** Events that are looked at: a few milliseconds of reading. */
const LOOK = 4_000;

export async function recentUsers(
  log: Pick<EventLog, "end" | "read">,
  catalog: Pick<Catalog, "erasures">,
  limit: number,
): Promise<readonly RecentUser[]> {
  // Keys of a map keep their order: one that is set anew after being removed comes last.
  const seen = new Map<UserId, { time: EpochMs; interactions: number }>();
  for await (const batch of log.read(Math.max(0, log.end - LOOK) as Offset)) {
    for (const { event } of batch) {
      if (event.kind !== "interaction") continue;
      const { user, time } = event;
      if (time <= (catalog.erasures.get(user) ?? Number.NEGATIVE_INFINITY)) continue;
      const before = seen.get(user);
      seen.delete(user);
      seen.set(user, { time, interactions: (before?.interactions ?? 0) + 1 });
    }
  }
  return [...seen]
    .reverse()
    .slice(0, limit)
    .map(([user, rest]) => ({ user, ...rest }));
}
