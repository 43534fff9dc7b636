/** The algebra of user state: newest N of a set, above an erasure, whatever the order, repetition and grouping. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  emptyState,
  eraseBefore,
  mergeTouches,
  type Touch,
  touchOf,
  type UserState,
} from "../../src/state/index.ts";
import { anyTouch, at, interaction, model, touch, user } from "./touches.ts";

const limits = { touches: 4, vetoes: 2 };
const empty = emptyState(user("u1"));
const merge = (state: UserState, ...touches: Touch[]) => mergeTouches(state, touches, limits);
const idsOf = (list: readonly Touch[]) => list.map((one) => one.id);

describe("mergeTouches", () => {
  it("returns the same state where there is nothing new", () => {
    const state = merge(empty, touch("a", 1), touch("b", 2));
    expect(mergeTouches(empty, [], limits)).toBe(empty);
    expect(merge(state, touch("a", 1))).toBe(state);
    expect(merge(state, touch("b", 2), touch("a", 1), touch("b", 2))).toBe(state);
  });

  it("orders by time and then id, newest first, also when events come late", () => {
    const state = merge(merge(empty, touch("b", 5), touch("d", 9)), touch("c", 5), touch("a", 5));
    expect(idsOf(state.touches)).toEqual(["d", "c", "b", "a"]);
  });

  it("keeps the limit, and at one more drops the oldest", () => {
    const full = merge(empty, touch("a", 1), touch("b", 2), touch("c", 3), touch("d", 4));
    expect(idsOf(full.touches)).toEqual(["d", "c", "b", "a"]);
    expect(idsOf(merge(full, touch("e", 5)).touches)).toEqual(["e", "d", "c", "b"]);
    expect(merge(full, touch("z", 0))).toBe(full);
  });

  it("bounds vetoes apart from engagement", () => {
    const vetoes = ["hide", "block", "dislike"].map((type, i) => touch(`n${i}`, i, { type: type as "hide" }));
    const state = merge(empty, ...vetoes, ...[5, 6, 7, 8, 9].map((time) => touch(`e${time}`, time)));
    expect(idsOf(state.vetoes)).toEqual(["n2", "n1"]);
    expect(idsOf(state.touches)).toEqual(["e9", "e8", "e7", "e6"]);
  });

  it("takes touches for one where time and id agree, and then keeps the greater content in both orders", () => {
    const [low, high] = [touch("a", 1, { value: 0.2 }), touch("a", 1, { value: 0.7 })];
    for (const [one, other] of [
      [low, high],
      [high, low],
      [touch("a", 1), high],
    ] as const) {
      expect(merge(merge(empty, one), other).touches).toEqual([high]);
      expect(merge(empty, one, other).touches).toEqual([high]);
    }
    expect(merge(empty, touch("a", 1), touch("a", 2)).touches).toHaveLength(2);
  });

  it("holds nothing at limit 0", () => {
    const state = mergeTouches(empty, [touch("a", 1), touch("n", 1, { type: "hide" })], {
      touches: 0,
      vetoes: 0,
    });
    expect([state.touches, state.vetoes]).toEqual([[], []]);
  });

  it("cuts a state that was made under higher limits", () => {
    const state = merge(empty, touch("a", 1), touch("b", 2), touch("c", 3));
    expect(idsOf(mergeTouches(state, [], { touches: 1, vetoes: 1 }).touches)).toEqual(["c"]);
  });

  it("does not change its inputs", () => {
    const state = Object.freeze({ ...merge(empty, touch("a", 1)), touches: Object.freeze([touch("a", 1)]) });
    const touches = Object.freeze([touch("c", 3), touch("b", 2)]) as readonly Touch[];
    expect(idsOf(mergeTouches(state, touches, limits).touches)).toEqual(["c", "b", "a"]);
    expect(idsOf(touches)).toEqual(["c", "b"]);
  });
});

describe("eraseBefore", () => {
  it("drops touches at or before the moment, for ever, and keeps later ones", () => {
    const state = eraseBefore(merge(empty, touch("a", 1), touch("b", 2), touch("c", 3)), at(2));
    expect(idsOf(state.touches)).toEqual(["c"]);
    expect(state.erasedAt).toBe(2);
    expect(merge(state, touch("d", 2), touch("e", 1, { type: "hide" }))).toBe(state);
  });

  it("changes nothing where a later erasure was known", () => {
    const state = eraseBefore(empty, at(5));
    expect(eraseBefore(state, at(5))).toBe(state);
    expect(eraseBefore(state, at(4))).toBe(state);
    expect(eraseBefore(empty, at(-Infinity))).toBe(empty);
  });
});

describe("touchOf", () => {
  it("takes what state needs, with NaN where the interaction had no value", () => {
    const watched = touch("a", 1, { value: 0.5 });
    expect(touchOf(interaction("u1", watched))).toEqual(watched);
    expect(touchOf(interaction("u1", touch("b", 1))).value).toBeNaN();
  });
});

describe("the algebra", () => {
  type Step = { readonly touches: readonly Touch[] } | { readonly erase: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: fc.array(anyTouch, { maxLength: 6 }).map((touches) => ({ touches })) },
    { weight: 1, arbitrary: fc.integer({ min: -2, max: 6 }).map((erase) => ({ erase })) },
  );
  const take = (state: UserState, one: Step) =>
    "erase" in one ? eraseBefore(state, at(one.erase)) : mergeTouches(state, one.touches, limits);
  const touchesOf = (steps: readonly Step[]) => steps.flatMap((one) => ("touches" in one ? one.touches : []));
  const erasuresOf = (steps: readonly Step[]) => steps.flatMap((one) => ("erase" in one ? [one.erase] : []));

  it("agrees with the plain model", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        expect(steps.reduce(take, empty)).toEqual(model("u1", touchesOf(steps), erasuresOf(steps), limits));
      }),
      { numRuns: 500 },
    );
  });

  it("does not depend on order, repetition or grouping", () => {
    const shuffled = fc.array(step, { maxLength: 12 }).chain((steps) =>
      fc.tuple(
        fc.constant(steps),
        fc.shuffledSubarray(
          [...steps, ...steps].flatMap((one): Step[] =>
            "erase" in one ? [one] : one.touches.map((single) => ({ touches: [single] })),
          ),
          { minLength: 0 },
        ),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([steps, some]) => {
        const inOrder = steps.reduce(take, empty);
        // `some` is a part of the same steps, alone and in another order: before or after, it changes nothing.
        expect(some.reduce(take, inOrder)).toEqual(inOrder);
        expect(steps.reduce(take, some.reduce(take, empty))).toEqual(inOrder);
      }),
      { numRuns: 500 },
    );
  });

  it("merges states as it merges their touches: (a + b) + c = a + (b + c)", () => {
    const list = fc.array(anyTouch, { maxLength: 10 });
    fc.assert(
      fc.property(list, list, list, (a, b, c) => {
        const partOf = (touches: readonly Touch[]) => {
          const state = mergeTouches(empty, touches, limits);
          return [...state.touches, ...state.vetoes];
        };
        const left = merge(merge(merge(empty, ...a), ...b), ...c);
        const right = merge(merge(empty, ...a), ...partOf([...b, ...c]));
        expect(right).toEqual(left);
      }),
      { numRuns: 300 },
    );
  });
});
