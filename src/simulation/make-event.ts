/** Events of the simulated platform from rows. Key order is the border's, so that all events of a kind share a shape. */
import type { EpochMs, EventId, ItemId, RequestId, UserId } from "../core/index.ts";
import type {
  Impression,
  Interaction,
  InteractionType,
  ItemUpsert,
  Slot,
  UserUpsert,
} from "../events/index.ts";
import { TOPICS_OF_VIDEO } from "./catalogue.ts";
import { type Draft, LOGGING_MODEL } from "./logging-policy.ts";
import { DEVICES, INTERESTS } from "./population.ts";
import { CATEGORIES } from "./vocabulary.ts";
import type { World } from "./world.ts";

export function userId(row: number): UserId {
  return `u${row + 1}` as UserId;
}

export function itemId(row: number): ItemId {
  return `v${row + 1}` as ItemId;
}

export function makeItem(world: World, row: number, id: EventId): ItemUpsert {
  const { catalogue, topics } = world;
  const about = catalogue.topics.subarray(row * TOPICS_OF_VIDEO, (row + 1) * TOPICS_OF_VIDEO);
  const categories = [...new Set([...about].filter((topic) => topic >= 0).map((t) => topics.category[t]!))];
  const time = catalogue.publishedAt[row]! as EpochMs;
  const part = catalogue.part[row]!;
  return {
    kind: "item",
    id,
    time,
    item: itemId(row),
    facts: {
      title: catalogue.titles[row]!,
      creator: catalogue.creators.names[catalogue.creator[row]!]!,
      categories: categories.map((category) => CATEGORIES[category]!.name),
      duration: catalogue.duration[row]!,
      publishedAt: time,
      ...(part > 0 ? { attributes: { series: `s${catalogue.series[row]! + 1}`, part } } : {}),
    },
  };
}

/** What a user tells when joining: the device, and for every other user the category asked for at sign-up. */
export function makeUser(world: World, row: number, id: EventId): UserUpsert {
  const { population, topics } = world;
  const device = DEVICES[population.device[row]!]!;
  const category = CATEGORIES[topics.category[population.interests[row * INTERESTS]!]!]!.name;
  return {
    kind: "user",
    id,
    time: population.joinedAt[row]! as EpochMs,
    user: userId(row),
    facts: row % 2 === 0 ? { device, interest: category } : { device },
  };
}

export function makeImpression(
  draft: Draft,
  user: number,
  request: string,
  time: number,
  id: EventId,
): Impression {
  const slots = new Array<Slot>(draft.count);
  for (let position = 0; position < draft.count; position++)
    slots[position] = {
      item: itemId(draft.rows[position]!),
      position,
      propensity: fourDigits(draft.propensities[position]!),
      sources: [draft.sources[position]!],
    };
  return {
    kind: "impression",
    id,
    time: Math.round(time) as EpochMs,
    user: userId(user),
    request: request as RequestId,
    slots,
    model: LOGGING_MODEL,
  };
}

export function makeInteraction(
  id: EventId,
  time: number,
  user: UserId,
  item: ItemId,
  type: InteractionType,
  value: number | undefined,
  request: string | undefined,
): Interaction {
  const event: { -readonly [K in keyof Interaction]: Interaction[K] } = {
    kind: "interaction",
    id,
    time: Math.round(time) as EpochMs,
    user,
    item,
    type,
  };
  if (value !== undefined) event.value = value;
  if (request !== undefined) event.request = request as RequestId;
  return event;
}

/** Four significant digits: a slate is most of the log's bytes. At most 1. */
function fourDigits(value: number): number {
  const scale = 10 ** (3 - Math.floor(Math.log10(value)));
  return Math.min(1, Math.round(value * scale) / scale);
}
