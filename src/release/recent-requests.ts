/** The newest requests of the log, one of each user: what a bundle is tried with. */
import type { Catalog } from "../catalog/index.ts";
import type { Offset, UserId } from "../core/index.ts";
import type { EventLog, StoredEvent } from "../events/index.ts";
import type { RecommendRequest } from "../pipeline/index.ts";

/** Events that are looked at first; more where these have too few users. */
const FIRST_LOOK = 10_000;

/**
 * Newest first. Where nobody asked upnext (a log that was imported), the users of the newest events ask.
 *
 * @param count at most so many
 */
export async function recentRequests(
  log: Pick<EventLog, "first" | "end" | "read">,
  catalog: Pick<Catalog, "erasures">,
  count: number,
): Promise<readonly RecommendRequest[]> {
  for (let events = FIRST_LOOK; ; events *= 8) {
    const from = Math.max(log.first, log.end - events) as Offset;
    const requests = await requestsFrom(log, catalog, from);
    if (requests.length >= count || from === log.first) return requests.slice(0, count);
  }
}

async function requestsFrom(
  log: Pick<EventLog, "read">,
  { erasures }: Pick<Catalog, "erasures">,
  from: Offset,
): Promise<readonly RecommendRequest[]> {
  const newest = new Map<UserId, RecommendRequest>();
  for await (const batch of log.read(from)) {
    for (const { event } of batch) {
      const request = requestOf(event);
      if (request === undefined || event.time <= (erasures.get(request.user) ?? -Infinity)) continue;
      // A map keeps the place of a key's first time.
      newest.delete(request.user);
      newest.set(request.user, request);
    }
  }
  return [...newest.values()].reverse();
}

function requestOf(event: StoredEvent): RecommendRequest | undefined {
  if (event.kind === "interaction") return { user: event.user };
  if (event.kind !== "impression") return undefined;
  const { surface, device, context } = event;
  const asked = Object(context?.request) as Partial<RecommendRequest>;
  // What filters the catalogue is a part of the work; explanations are not.
  const { limit, include, exclude, categories, allowSeen } = asked;
  return {
    user: event.user,
    ...(surface !== undefined && { surface }),
    ...(device !== undefined && { device }),
    ...(limit !== undefined && { limit }),
    ...(include !== undefined && { include }),
    ...(exclude !== undefined && { exclude }),
    ...(categories !== undefined && { categories }),
    ...(allowSeen !== undefined && { allowSeen }),
  };
}
