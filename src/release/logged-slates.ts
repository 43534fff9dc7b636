/** The slates of the log that were shown with known probabilities, and what users did with them. */
import { type ItemId, type Offset, UpnextError } from "../core/index.ts";
import type { EventLog, Impression, Interaction } from "../events/index.ts";

export interface LoggedSlate {
  readonly impression: Impression;
  /** Every event before it was reflected when the slate was made. */
  readonly moment: Offset;
  /** The interactions that answer it, in the order of the log. */
  readonly answers: readonly Interaction[];
}

export interface LoggedSlates {
  /** In the order of their moments. */
  readonly slates: readonly LoggedSlate[];
  /** Impressions in the log that have a slot without a propensity, or that were made before `from`. */
  readonly withoutPropensities: number;
  readonly before: number;
}

/**
 * The newest `count` slates that were made at `from` or later. Rejects with `not_enough_data` where there is none.
 *
 * @param from what lies before it is not asked about: a bundle has learnt from it
 */
export async function loggedSlates(
  log: Pick<EventLog, "first" | "read">,
  from: Offset,
  count: number,
): Promise<LoggedSlates> {
  const slates = new Map<string, { impression: Impression; moment: Offset; answers: Interaction[] }>();
  const erased = new Map<string, number>();
  let withoutPropensities = 0;
  let before = 0;
  for await (const batch of log.read(Math.max(log.first, from) as Offset)) {
    for (const { event, offset } of batch) {
      if (event.kind === "erasure") erased.set(event.user, event.time);
      if (event.kind === "interaction" && event.request !== undefined) {
        const slate = slates.get(event.request);
        if (slate?.impression.user === event.user) slate.answers.push(event);
      }
      if (event.kind !== "impression") continue;
      const moment = event.context?.offset ?? offset;
      if (moment < from) before++;
      else if (event.slots.some(({ propensity = 0 }) => propensity <= 0)) withoutPropensities++;
      else slates.set(event.request, { impression: event, moment, answers: [] });
      if (slates.size > count) slates.delete(slates.keys().next().value!);
    }
  }
  const kept = [...slates.values()].filter(
    ({ impression: { user, time } }) => time > (erased.get(user) ?? Number.NEGATIVE_INFINITY),
  );
  if (kept.length === 0) {
    throw new UpnextError(
      "not_enough_data",
      `off-policy: expected impressions with propensities after event ${from}, up to which the bundle has learnt; got ${withoutPropensities} without propensities and none with them. Serve with policy: { explore: 0.05 } for a while, with the bundle before this one`,
    );
  }
  return { slates: kept.sort((a, b) => a.moment - b.moment), withoutPropensities, before };
}

/** Items and positions come from outside, too: one slot an item, in the order of positions. */
export function slotsOf({ slots }: Impression): readonly {
  readonly item: ItemId;
  readonly position: number;
  readonly propensity: number;
}[] {
  return slots
    .map(({ item, position, propensity = 1 }) => ({ item, position, propensity: Math.min(1, propensity) }))
    .sort((a, b) => a.position - b.position);
}
