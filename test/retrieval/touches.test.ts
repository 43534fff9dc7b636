/** From a user's state to the columns of a touches. */
import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/catalog/index.ts";
import type { EpochMs, EventId, ItemId, UserId } from "../../src/core/index.ts";
import {
  evidence,
  INTERACTION_TYPE_NAMES,
  type InteractionType,
  interactionCode,
} from "../../src/events/index.ts";
import { contextOf, touchesOf } from "../../src/retrieval/index.ts";
import { emptyState, type Touch, type UserState } from "../../src/state/index.ts";
import { extend, itemOf, NOW, upsert } from "./checkerboard.ts";

const catalog = createCatalog();
extend(
  catalog,
  [0, 1, 2].map((row) => upsert(itemOf(row), NOW)),
);

function touch(age: number, item: ItemId, type: InteractionType, value = Number.NaN): Touch {
  return { id: `e${age}` as EventId, item, type, value, time: (NOW - age) as EpochMs };
}

/** Newest first, as a store gives it. */
function stateOf(...touches: readonly Touch[]): UserState {
  return { ...emptyState("u" as UserId), touches };
}

describe("touches", () => {
  it("has a row, time, weight, type and value for each touch, newest first", () => {
    const state = stateOf(
      touch(1, itemOf(2), "like"),
      touch(2, itemOf(0), "watch", 0.5),
      touch(3, itemOf(2), "rate", 4),
    );
    expect(touchesOf(state, catalog, NOW).touches).toEqual({
      now: NOW,
      items: Int32Array.of(2, 0, 2),
      times: Float64Array.of(NOW - 1, NOW - 2, NOW - 3),
      weights: Float32Array.of(2, 0.5, 0.9),
      types: Uint8Array.of(interactionCode("like"), interactionCode("watch"), interactionCode("rate")),
      values: Float32Array.of(Number.NaN, 0.5, 4),
    });
  });

  it("knows of each touch in the history whether it was on the surface that is asked for", () => {
    const on = (age: number, surface?: string) => ({
      ...touch(age, itemOf(age), "watch", 0),
      ...(surface !== undefined && { surface }),
    });
    const state = stateOf(on(0, "home"), on(1), on(2, "feed"));
    const here = (surface?: string) => [...touchesOf(state, catalog, NOW, surface).history.here];
    expect(here("home")).toEqual([1, 0, 0]);
    expect(here("shelf")).toEqual([0, 0, 0]);
    // Two that say nothing are not in one place.
    expect(here()).toEqual([0, 0, 0]);
  });

  it("leaves out what is no evidence of interest and what the catalog does not know", () => {
    const state = stateOf(
      touch(1, itemOf(0), "watch", 0.1),
      touch(2, "elsewhere" as ItemId, "like"),
      touch(3, itemOf(1), "click"),
      touch(4, itemOf(2), "watch", 0),
    );
    const { touches, history } = touchesOf(state, catalog, NOW);
    expect([...touches.items]).toEqual([1]);
    expect([...touches.times]).toEqual([NOW - 3]);
    expect([...history.items]).toEqual([0, 1, 2]);
    expect([...history.times]).toEqual([NOW - 1, NOW - 3, NOW - 4]);
    expect([...history.values]).toEqual([Math.fround(0.1), Number.NaN, 0]);
  });

  it("takes of every type of interaction the weight that evidence gives it", () => {
    const state = stateOf(...INTERACTION_TYPE_NAMES.map((type, age) => touch(age, itemOf(0), type)));
    const { touches } = touchesOf(state, catalog, NOW);
    const wanted = INTERACTION_TYPE_NAMES.filter((type) => evidence(type, Number.NaN) > 0);
    expect([...touches.types]).toEqual(wanted.map(interactionCode));
    expect([...touches.weights]).toEqual(wanted.map((type) => evidence(type, Number.NaN)));
    expect(touches.weights.every((weight) => weight > 0)).toBe(true);
  });

  it("does not look at vetoes, and keeps a removed item as a touch", () => {
    const removal = { kind: "item-removal", id: "gone" as EventId, item: itemOf(0), time: NOW } as const;
    const without = createCatalog();
    extend(without, [upsert(itemOf(0), NOW), removal]);
    const state = { ...stateOf(touch(1, itemOf(0), "click")), vetoes: [touch(0, itemOf(0), "hide")] };
    const { touches, history } = touchesOf(state, without, NOW);
    expect([...touches.items]).toEqual([0]);
    expect([...history.items]).toEqual([0]);
  });

  it("has no touches for a user of whom nothing is known", () => {
    const { touches } = touchesOf(emptyState("u" as UserId), catalog, NOW);
    for (const column of [touches.items, touches.times, touches.weights, touches.types, touches.values]) {
      expect(column).toHaveLength(0);
    }
  });
});

describe("what a request is known by", () => {
  const known = createCatalog();
  const facts = { country: "NO" };
  extend(known, [{ kind: "user", id: "f" as EventId, user: "u" as UserId, facts, time: NOW }]);

  it("is its place and the user's facts, each where there is one", () => {
    expect(contextOf(known, "u" as UserId, NOW, { surface: "home" })).toEqual({ surface: "home", facts });
    expect(contextOf(known, "v" as UserId, NOW, { device: "phone" })).toEqual({ device: "phone" });
    expect(contextOf(known, "v" as UserId, NOW, {})).toEqual({});
  });

  it("has no facts that came later", () => {
    expect(contextOf(known, "u" as UserId, (NOW - 1) as EpochMs, {})).toEqual({});
  });
});
