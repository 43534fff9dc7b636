/** A seeded mixture of all kinds of events among a few users and items, in which nothing else contains a user's id. */
import type { EpochMs, EventId, ItemId, RequestId, UserId } from "../../src/core/index.ts";
import { Random } from "../../src/core/index.ts";
import type { Event } from "../../src/events/index.ts";

export const T0 = 1_700_000_000_000;

export const userId = (n: number) => `person-${n}-ü"\\` as UserId;

const itemId = (n: number) => `item-${n}` as ItemId;

/** `count` events; event n has the id `e<n>`, and times that go up and down around T0 + n. */
export function mixedEvents(count: number, seed: string, users = 6, items = 40): Event[] {
  const random = new Random(seed);
  const below = (n: number) => Math.floor(random.next() * n);
  return Array.from({ length: count }, (_, n): Event => {
    const id = `e${n}` as EventId;
    const time = (T0 + n + below(200) - 100) as EpochMs;
    const user = userId(below(users));
    const item = itemId(below(items));
    const which = random.next();
    if (which < 0.55) {
      const type = which < 0.05 ? "hide" : which < 0.1 ? "like" : "watch";
      const event = { kind: "interaction", id, time, user, item, type } as const;
      return type === "watch" ? { ...event, value: below(10) / 10, request: `r${n}` as RequestId } : event;
    }
    if (which < 0.85) {
      const slots = Array.from({ length: 1 + below(8) }, (_, position) => ({
        item: itemId(below(items)),
        position,
        score: random.next(),
        sources: ["popular", "als"].slice(below(2)),
      }));
      const context = { offset: n as never, request: { user, n }, fingerprint: "f" };
      return {
        kind: "impression",
        id,
        time,
        user,
        request: `r${n}` as RequestId,
        slots,
        model: "m",
        context,
      };
    }
    if (which < 0.92) return { kind: "user", id, time, user, facts: { country: "NO", n } };
    if (which < 0.98)
      return { kind: "item", id, time, item, facts: { title: `Ünï ${n}`, creator: `c${n % 3}` } };
    return { kind: "item-removal", id, time, item };
  });
}
