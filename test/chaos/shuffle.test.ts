/** A short `npm run chaos -- shuffle` on every store that can be started here, and proof that a difference is seen. */
import { describe, expect, it } from "vitest";
import { PLACES, whyNot } from "../../chaos/parts/places.ts";
import { PlainStates } from "../../chaos/parts/plain-states.ts";
import { deliveries, LIMITS, shuffledEvents } from "../../chaos/parts/shuffled-events.ts";
import { shuffle } from "../../chaos/shuffle.ts";
import type { Offset } from "../../src/core/index.ts";
import type { LoggedEvent } from "../../src/events/index.ts";
import { memoryStore, type StatePlace } from "../../src/state/index.ts";

const EVENTS = 3000;
const FEW = 300;

describe.each(Object.keys(PLACES) as StatePlace["store"][])("the store %s", (store) => {
  it.skipIf(whyNot(store) !== undefined)(
    "holds what a plain model does, whatever the order and however often an event comes",
    async () => {
      const result = await shuffle(store, store === "dynamodb" ? FEW : EVENTS, "test");
      expect([result.written, result.applied]).toEqual([0, 0]);
      expect(result.deliveries).toBeGreaterThan(result.events * 2);
    },
    120_000,
  );
});

describe("the plain model", () => {
  const logged = (count: number): LoggedEvent[] =>
    shuffledEvents(count, "model").map((event, offset) => ({ offset: offset as Offset, event }));

  it("is told apart from a store that lacks one event, or has one that it was not told of", async () => {
    const events = logged(500);
    const newest = events.findLast(({ event }) => event.kind === "interaction")!;
    const store = memoryStore({ limits: { touches: 1000, vetoes: 1000 } });
    await store.apply(events);
    const differencesOf = (told: readonly LoggedEvent[]) => {
      const model = new PlainStates(store.limits);
      model.apply(told);
      return model.differences(store);
    };
    expect(await differencesOf(events)).toBe(0);
    expect(await differencesOf(events.filter(({ offset }) => offset !== newest.offset))).toBe(1);
    const event = { ...newest.event, user: "nobody else", id: "more" } as LoggedEvent["event"];
    expect(await differencesOf([...events, { offset: 500 as Offset, event }])).toBe(1);
  });

  it("is given events that reach every limit, tie in time and are erased", () => {
    const model = new PlainStates(LIMITS);
    model.apply(logged(2000));
    const states = Array.from({ length: model.size }, (_, n) => model.state(`u${n}`));
    expect(states.some(({ touches }) => touches.length === LIMITS.touches)).toBe(true);
    expect(states.some(({ vetoes }) => vetoes.length === LIMITS.vetoes)).toBe(true);
    expect(states.some(({ erasedAt }) => erasedAt > 0)).toBe(true);
    expect(states.some(({ touches }) => touches.some(({ time }, i) => time === touches[i + 1]?.time))).toBe(
      true,
    );
  });

  it("is told every event once of those that are sent one to five times", () => {
    const order = deliveries(1000, "seed");
    const times = new Map<number, number>();
    for (const n of order) times.set(n, (times.get(n) ?? 0) + 1);
    expect(times.size).toBe(1000);
    expect([...new Set(times.values())].sort()).toEqual([1, 2, 3, 4, 5]);
  });
});
