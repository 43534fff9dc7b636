import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Event, Impression, Interaction } from "../../src/events/index.ts";
import { ACTIONS, evidence, interactionCode } from "../../src/events/index.ts";
import { readHistory } from "../../src/training/history.ts";
import { anyLog } from "./any-log.ts";
import { at, HOUR_MS, logOf, START, shown, took, userId, withoutErased } from "./logs.ts";

const byTimeAndId = (a: Event, b: Event) => a.time - b.time || (a.id < b.id ? -1 : 1);

/** What a history says, in the plainest form: ids instead of rows, lists instead of columns. */
async function toldBy(events: readonly Event[]) {
  const history = await readHistory(await logOf(events));
  const idOf = (row: number) => history.catalog.idOf(row);
  return {
    users: history.users.map((user, u) => ({
      user,
      entries: Array.from({ length: history.offsets[u + 1]! - history.offsets[u]! }, (_, i) => {
        const e = history.offsets[u]! + i;
        return [
          idOf(history.items[e]!),
          history.times[e],
          history.types[e],
          history.values[e],
          history.weights[e],
        ];
      }),
    })),
    slates: history.slates.map((slate) => ({
      user: history.users[slate.user],
      time: slate.time,
      items: Array.from(slate.items, idOf),
      counted: Array.from(slate.items)
        .filter((row) => row < slate.known)
        .map(idOf),
      positions: [...slate.positions],
      actions: [...slate.actions],
    })),
    end: history.logOffset,
  };
}

/** The same from the events, by filtering and sorting them again for every user and slate. */
function expected(events: readonly Event[]) {
  const kept = withoutErased(events);
  const users = [
    ...new Set(
      events.flatMap((event) =>
        event.kind === "interaction" || event.kind === "impression" ? [event.user] : [],
      ),
    ),
  ];
  const interactions = kept.filter((event): event is Interaction => event.kind === "interaction");
  const impressions = kept.filter((event): event is Impression => event.kind === "impression");
  const mentioned = (before: readonly Event[]) =>
    new Set(
      before.flatMap((event) => (event.kind === "interaction" || event.kind === "item" ? [event.item] : [])),
    );
  return {
    users: users.map((user) => ({
      user,
      entries: interactions
        .filter((event) => event.user === user)
        .sort(byTimeAndId)
        .map(({ item, time, type, value = Number.NaN }) => [
          item,
          time,
          interactionCode(type),
          Math.fround(value),
          Math.fround(evidence(type, value)),
        ]),
    })),
    slates: [...impressions]
      .sort((a, b) => a.time - b.time)
      .map((impression) => {
        const known = mentioned(events.slice(0, events.indexOf(impression)));
        const slots = impression.slots.filter(({ item }) => mentioned(events).has(item));
        const answers = slots.map(({ item }) =>
          interactions.filter(
            (event) =>
              event.request === impression.request && event.user === impression.user && event.item === item,
          ),
        );
        return {
          user: impression.user,
          time: impression.time,
          items: slots.map(({ item }) => item),
          counted: slots.map(({ item }) => item).filter((item) => known.has(item)),
          positions: slots.map(({ position }) => position),
          actions: answers.map((list) =>
            ACTIONS.reduce(
              (bits, head, h) =>
                list.some(({ type, value }) => head.is(type, value ?? Number.NaN, Number.NaN))
                  ? bits | (1 << h)
                  : bits,
              0,
            ),
          ),
        };
      })
      .filter(({ items }) => items.length > 0),
    end: events.length,
  };
}

describe("a history", () => {
  it("tells what sorting and filtering the log tells, late events, ties and erasures included", async () => {
    await fc.assert(
      fc.asyncProperty(anyLog({ erasures: true, ordered: false }), async (events) => {
        expect(await toldBy(events)).toEqual(expected(events));
      }),
      { numRuns: 300 },
    );
  });

  it("of an empty log is empty", async () => {
    expect(await toldBy([])).toEqual({ users: [], slates: [], end: 0 });
  });

  it("keeps the places of users who have no event left, the first and the last included", async () => {
    const gone = (user: string): Event => ({
      kind: "erasure",
      id: `x-${user}` as Event["id"],
      user: userId(user),
      time: at(START + 9 * HOUR_MS),
    });
    const events = ["a", "b", "c", "d"].map((user, i) => took(user, `v${i}`, START));
    const history = await readHistory(await logOf([...events, gone("a"), gone("b"), gone("d")]));
    expect([...history.offsets]).toEqual([0, 0, 0, 1, 1]);
    expect(history.catalog.idOf(history.items[0]!)).toBe("v2");
  });

  it("knows the slates of users who never did anything: they are impressions of the items all the same", async () => {
    const history = await readHistory(
      await logOf([took("a", "v", START), shown("b", "r", START + 1, ["v"])]),
    );
    expect(history.slates.map(({ user }) => history.users[user])).toEqual(["b"]);
  });

  it("does not take an erased interaction for an answer to a slate that was shown later", async () => {
    const answer = took("a", "v", START, { request: "r" as Impression["request"] });
    const erasure: Event = {
      kind: "erasure",
      id: "x" as Event["id"],
      user: userId("a"),
      time: at(START + 1),
    };
    const events = [answer, shown("a", "r", START + 2, ["v"]), erasure];
    const { slates } = await readHistory(await logOf(events));
    expect([...slates[0]!.actions]).toEqual([0]);
  });
});
