/** States as bytes: there and back, appending without decoding, and bytes that are no state. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyState, eraseBefore, mergeTouches } from "../../src/state/index.ts";
import { appendTouches, decodeState, encodeState } from "../../src/state/state-codec.ts";
import { anyTouch, at, touch, user } from "./touches.ts";

const limits = { touches: 5, vetoes: 3 };
const u1 = user("u1");
const anyState = fc
  .tuple(fc.array(anyTouch, { maxLength: 20 }), fc.constantFrom(-Infinity, 0, 3))
  .map(([touches, erase]) => mergeTouches(eraseBefore(emptyState(u1), at(erase)), touches, limits));

describe("encodeState", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const bytes = encodeState(state);
        expect(decodeState(u1, bytes)).toEqual(state);
      }),
      { numRuns: 300 },
    );
  });

  it("holds any text, value and time of a touch", () => {
    const long = "x".repeat(256);
    const touches = [
      touch("", 0, { item: "" }),
      touch(long, 1, { item: "字".repeat(256), value: -0 }),
      touch("ÿ", 2, { item: "Ā", value: Number.MIN_VALUE }),
      touch("\ud800", -8.64e15, { item: "🎬", value: 1e300 }),
      touch("👍", 8.64e15, { item: "é", value: 0.1 }),
      touch("home", 5, { surface: "home", value: 1 }),
      touch("wide", 6, { item: "é", surface: "特集" }),
    ];
    const state = mergeTouches(emptyState(u1), touches, { touches: 9, vetoes: 9 });
    const bytes = encodeState(state);
    expect(decodeState(u1, bytes)).toEqual(state);
  });

  it("takes some 35 bytes for a touch with short ids and a value", () => {
    const state = mergeTouches(
      emptyState(u1),
      [touch("e123456", 1.7e12, { item: "v1234", value: 0.5 })],
      limits,
    );
    expect(encodeState(state).length).toBe(29 + 33);
  });

  it("refuses an id that its length field cannot hold", () => {
    const state = { ...emptyState(u1), touches: [touch("x".repeat(70_000), 1)] };
    expect(() => encodeState(state)).toThrow(RangeError);
  });
});

describe("decodeState", () => {
  it("throws RangeError for bytes that were cut off anywhere, or go on", () => {
    const touches = [touch("a", 1, { value: 1 }), touch("映", 2), touch("n", 3, { type: "hide" })];
    const bytes = encodeState(mergeTouches(emptyState(u1), touches, limits));
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeState(u1, bytes.subarray(0, length))).toThrow(RangeError);
    }
    const longer = Buffer.concat([bytes, Buffer.from([0])]);
    expect(() => decodeState(u1, longer)).toThrow(RangeError);
  });

  it("throws RangeError, and nothing worse, for random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 200 }), fc.boolean(), (noise, dressed) => {
        const bytes = Buffer.from(noise);
        if (dressed && bytes.length > 0) bytes[0] = 1;
        try {
          decodeState(u1, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("appendTouches", () => {
  it("either leaves it to the long way or gives the same bytes", () => {
    let appended = 0;
    fc.assert(
      fc.property(anyState, fc.array(anyTouch, { maxLength: 4 }), fc.boolean(), (state, given, later) => {
        const touches = given.map((one, i) => (later ? { ...one, time: at(1.8e12 + (i % 2)) } : one));
        const bytes = encodeState(state);
        const longer = appendTouches(bytes, touches, limits);
        if (longer === undefined) return;
        appended++;
        expect(longer.equals(encodeState(mergeTouches(state, touches, limits)))).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(appended).toBeGreaterThan(20);
  });

  it("appends one newer touch to a full state and drops the oldest", () => {
    const touches = [1, 2, 3, 4, 5].map((time) => touch(`e${time}`, time, { item: time === 1 ? "映" : "v" }));
    const state = mergeTouches(emptyState(u1), touches, limits);
    const bytes = encodeState(state);
    const longer = appendTouches(bytes, [touch("e6", 6)], limits)!;
    expect(decodeState(u1, longer)).toEqual(mergeTouches(state, [touch("e6", 6)], limits));
  });

  it("leaves vetoes, late touches and repetitions to the long way", () => {
    const bytes = encodeState(mergeTouches(emptyState(u1), [touch("a", 5)], limits));
    for (const one of [touch("b", 9, { type: "hide" }), touch("b", 5), touch("b", 4), touch("a", 5)]) {
      expect(appendTouches(bytes, [one], limits)).toBeUndefined();
    }
  });
});
