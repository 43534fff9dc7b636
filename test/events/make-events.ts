/** Events for tests, and a way to read a whole log. */
import type { EpochMs, EventId, ItemId, Offset, RequestId, UserId } from "../../src/core/index.ts";
import type { Event, EventLog, Interaction, LoggedEvent, StoredEvent } from "../../src/events/index.ts";

export function interaction(n: number, more: Partial<Interaction> = {}): Interaction {
  return {
    kind: "interaction",
    id: `e${n}` as EventId,
    time: (1_700_000_000_000 + n) as EpochMs,
    user: `u${n % 7}` as UserId,
    item: `v${n % 11}` as ItemId,
    type: "watch",
    value: (n % 10) / 10,
    ...more,
  };
}

export function interactions(from: number, to: number): Interaction[] {
  return Array.from({ length: to - from }, (_, i) => interaction(from + i));
}

/** One event of each kind, with every optional part, and text outside ASCII. */
export const oneOfEach: readonly Event[] = [
  interaction(1, {
    id: "all" as EventId,
    user: "Zoë 🎬" as UserId,
    request: "r1" as RequestId,
    surface: "página",
  }),
  {
    kind: "interaction",
    id: "bare" as EventId,
    time: 5 as EpochMs,
    user: "u" as UserId,
    item: "v" as ItemId,
    type: "like",
  },
  {
    kind: "impression",
    id: "shown" as EventId,
    time: 6 as EpochMs,
    user: "u" as UserId,
    request: "r1" as RequestId,
    slots: [
      { item: "v1" as ItemId, position: 0, score: 0.1 + 0.2, propensity: 1, sources: ["popular", "als"] },
      { item: "v2" as ItemId, position: 1 },
    ],
    model: "m",
    rung: "full",
    context: { offset: 3 as Offset, request: { n: 2 }, fingerprint: "f" },
  },
  {
    kind: "item",
    id: "fäcts" as EventId,
    time: 7 as EpochMs,
    item: "v1" as ItemId,
    facts: {
      title: "Ünïcode 🎬",
      categories: ["a", "b"],
      duration: 12.5,
      attributes: { hd: true, year: 1960 },
    },
  },
  { kind: "item-removal", id: "gone" as EventId, time: 8 as EpochMs, item: "v1" as ItemId },
  {
    kind: "user",
    id: "person" as EventId,
    time: 9 as EpochMs,
    user: "u" as UserId,
    facts: { country: "NO" },
  },
  { kind: "erasure", id: "forget" as EventId, time: 10 as EpochMs, user: "u" as UserId },
];

export async function readAll(log: EventLog, from = 0): Promise<LoggedEvent[]> {
  const all: LoggedEvent[] = [];
  for await (const batch of log.read(from as Offset)) all.push(...batch);
  return all;
}

export async function readEvents(log: EventLog, from = 0): Promise<StoredEvent[]> {
  return (await readAll(log, from)).map((logged) => logged.event);
}
