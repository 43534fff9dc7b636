/** States as a stream of chunks: there and back, users of any name, forgetting, and bytes that are no chunk. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UserId } from "../../src/core/index.ts";
import {
  decodeStates,
  emptyState,
  encodeStates,
  eraseBefore,
  forgetInStates,
  mergeTouches,
  type UserState,
} from "../../src/state/index.ts";
import { anyTouch, at, touch, user } from "./touches.ts";

const limits = { touches: 5, vetoes: 3 };
const NAMES = ["u1", "Zoë", "映画", "🎬", "", "\ud800", "x".repeat(256), "字".repeat(256)];

const anyState = fc
  .tuple(fc.constantFrom(...NAMES), fc.array(anyTouch, { maxLength: 9 }), fc.constantFrom(-Infinity, 0, 3))
  .map(([name, touches, erase]) =>
    mergeTouches(eraseBefore(emptyState(user(name)), at(erase)), touches, limits),
  );

async function* stream(states: readonly UserState[]): AsyncGenerator<UserState> {
  yield* states;
}

async function chunksOf(states: readonly UserState[]): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of encodeStates(stream(states))) chunks.push(chunk);
  return chunks;
}

const isEmpty = (state: UserState) =>
  state.touches.length + state.vetoes.length === 0 && state.erasedAt === -Infinity;

describe("a stream of states", () => {
  it("comes back in its order, without the states that say nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyState, { maxLength: 20 }), async (states) => {
        const back = (await chunksOf(states)).flatMap((chunk) => [...decodeStates(chunk)]);
        expect(back).toEqual(states.filter((state) => !isEmpty(state)));
      }),
      { numRuns: 200 },
    );
  });

  it("is cut into chunks that stay small, whatever the number of users", async () => {
    const states = Array.from({ length: 20_000 }, (_, i) => {
      return mergeTouches(emptyState(user(`u${i}`)), [touch(`e${i}`, i)], limits);
    });
    const chunks = await chunksOf(states);
    expect(chunks.length).toBeGreaterThan(2);
    for (const { length } of chunks) expect(length).toBeLessThan(270_000);
    expect(chunks.flatMap((chunk) => [...decodeStates(chunk)])).toEqual(states);
    expect(await chunksOf([])).toEqual([]);
  });

  it("throws RangeError for bytes that were cut off anywhere, or go on", async () => {
    const state = mergeTouches(
      emptyState(user("映")),
      [touch("a", 1), touch("n", 3, { type: "hide" })],
      limits,
    );
    const [chunk] = await chunksOf([state, { ...state, user: user("b") }]);
    const one = chunk!.length - (await chunksOf([{ ...state, user: user("b") }]))[0]!.length;
    for (let length = 1; length < chunk!.length; length++) {
      if (length === one) continue;
      expect(() => [...decodeStates(chunk!.subarray(0, length))]).toThrow(RangeError);
    }
    expect(() => [...decodeStates(Buffer.concat([chunk!, Buffer.from([0])]))]).toThrow(RangeError);
    expect(() => [...decodeStates(Buffer.concat([Buffer.from([3]), chunk!.subarray(1)]))]).toThrow(
      RangeError,
    );
  });
});

describe("forgetting in a chunk of states", () => {
  it("erases what is at or before the erasure, of those users alone, and says when there is nothing", async () => {
    const erasures = fc.dictionary(fc.constantFrom(...NAMES), fc.integer({ min: -2, max: 9 }));
    await fc.assert(
      fc.asyncProperty(fc.array(anyState, { maxLength: 8 }), erasures, async (states, times) => {
        const chunk = (await chunksOf(states))[0] ?? Buffer.alloc(0);
        const held = [...decodeStates(chunk)];
        const erased = new Map(Object.entries(times).map(([name, time]) => [name as UserId, time]));
        const count = (list: readonly UserState[]) =>
          list.reduce((sum, { touches, vetoes }) => sum + touches.length + vetoes.length, 0);
        const expected = held.map((state) => eraseBefore(state, at(erased.get(state.user) ?? -Infinity)));
        const got = forgetInStates(chunk, erased);
        expect(got === undefined).toBe(count(expected) === count(held));
        if (got === undefined) return;
        const touched = (i: number) => count([expected[i]!]) < count([held[i]!]);
        expect([...decodeStates(got)]).toEqual(held.map((state, i) => (touched(i) ? expected[i] : state)));
        expect(forgetInStates(got, erased)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});
