/** What the newest slates held: for whom, which items, and who found them. Read off the end of the log. */
import type { Catalog } from "../catalog/index.ts";
import type { ItemId, Offset, UserId } from "../core/index.ts";
import { type EventLog, evidence, type Impression } from "../events/index.ts";
import type { NewestSlates } from "./overview.ts";

/** Events that are looked at: some ten milliseconds of reading. */
const LOOK = 20_000;
/** Users whose state is read; those of the newest slates. */
const MOST_USERS = 1_000;
/** Upper ends: nothing known, a first visit, a few, the rest (guesses). */
const TOUCHES = [0, 4, 19, null] as const;
const ENGAGEMENTS = [0, 4, 19, 99, null] as const;

export interface SlateParts {
  readonly log: Pick<EventLog, "end" | "read">;
  readonly catalog: Catalog;
  /** How many touches the state of a user has. */
  readonly touchesOf: (user: UserId) => Promise<number>;
}

/** @param item whose finders are wanted; those of all slots where absent */
export async function newestSlates(parts: SlateParts, item?: ItemId): Promise<NewestSlates> {
  const { log, catalog } = parts;
  const slates: Impression[] = [];
  const taken = new Set<string>();
  for await (const batch of log.read(Math.max(0, log.end - LOOK) as Offset)) {
    for (const { event } of batch) {
      if (event.kind === "impression") {
        if (event.time > (catalog.erasures.get(event.user) ?? Number.NEGATIVE_INFINITY)) slates.push(event);
      } else if (event.kind === "interaction" && event.request !== undefined) {
        if (evidence(event.type, event.value ?? Number.NaN) > 0) taken.add(`${event.request}\n${event.item}`);
      }
    }
  }
  return {
    slates: slates.length,
    slots: slates.reduce((sum, { slots }) => sum + slots.length, 0),
    users: await byUser(parts, slates, taken),
    items: byItem(catalog, slates, taken),
    finders: findersOf(slates, taken, item),
  };
}

async function byUser(
  { touchesOf }: SlateParts,
  slates: readonly Impression[],
  taken: ReadonlySet<string>,
): Promise<NewestSlates["users"]> {
  const groups = TOUCHES.map((touches) => ({ touches, users: 0, slates: 0, slots: 0, taken: 0 }));
  const groupOf = new Map<UserId, (typeof groups)[number]>();
  for (const { user, request, slots } of slates.toReversed()) {
    let group = groupOf.get(user);
    if (group === undefined) {
      if (groupOf.size >= MOST_USERS) continue;
      group = within(groups, "touches", await touchesOf(user));
      groupOf.set(user, group);
      group.users++;
    }
    group.slates++;
    group.slots += slots.length;
    for (const slot of slots) if (taken.has(`${request}\n${slot.item}`)) group.taken++;
  }
  return groups;
}

function byItem(
  catalog: Catalog,
  slates: readonly Impression[],
  taken: ReadonlySet<string>,
): NewestSlates["items"] {
  const { items, statistics, size } = catalog;
  const groups = ENGAGEMENTS.map((engagements) => ({ engagements, items: 0, slots: 0, taken: 0 }));
  const groupOf = (row: number) => within(groups, "engagements", statistics.engagements[row]!);
  for (let row = 0; row < size; row++) if (items.live[row] === 1) groupOf(row).items++;
  for (const { request, slots } of slates) {
    for (const { item } of slots) {
      const row = catalog.rowOf(item);
      if (row === undefined) continue;
      const group = groupOf(row);
      group.slots++;
      if (taken.has(`${request}\n${item}`)) group.taken++;
    }
  }
  return groups;
}

function findersOf(
  slates: readonly Impression[],
  taken: ReadonlySet<string>,
  wanted: ItemId | undefined,
): NewestSlates["finders"] {
  const found = new Map<string, { source: string; slots: number; alone: number; taken: number }>();
  for (const { request, slots } of slates) {
    for (const { item, sources = [] } of slots) {
      if (wanted !== undefined && item !== wanted) continue;
      const isTaken = taken.has(`${request}\n${item}`);
      for (const source of sources) {
        const finder = found.get(source) ?? { source, slots: 0, alone: 0, taken: 0 };
        found.set(source, finder);
        finder.slots++;
        if (sources.length === 1) finder.alone++;
        if (isTaken) finder.taken++;
      }
    }
  }
  return [...found.values()].sort((a, b) => b.slots - a.slots);
}

/** The first group whose upper end is not below the value. */
function within<K extends string, G extends Readonly<Record<K, number | null>>>(
  groups: readonly G[],
  end: K,
  value: number,
): G {
  return groups.find((group) => group[end] === null || value <= group[end]!)!;
}
