/** The impression of a request, for those who look at it again. */
import type { Catalog } from "../catalog/index.ts";
import { type Offset, UpnextError } from "../core/index.ts";
import type { EventLog, Impression } from "../events/index.ts";

/** Rejects with `unknown_request`: what was shown to a user who was forgotten since counts as not having happened. */
export async function loggedRequest(
  request: string,
  log: Pick<EventLog, "read">,
  { erasures }: Pick<Catalog, "erasures">,
): Promise<Impression> {
  let found: Impression | undefined;
  for await (const batch of log.read(0 as Offset)) {
    for (const { event } of batch) {
      if (event.kind === "impression" && event.request === request) found ??= event;
    }
  }
  if (found !== undefined && found.time > (erasures.get(found.user) ?? -Infinity)) return found;
  throw new UpnextError(
    "unknown_request",
    "replay: expected a request of the log, there is no impression with this id, or its user was forgotten",
  );
}
