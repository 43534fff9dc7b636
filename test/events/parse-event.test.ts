import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { DAY, type EpochMs, type EventId } from "../../src/core/index.ts";
import {
  EVENT_LIMITS,
  EVENT_SCHEMAS,
  eventSchema,
  INTERACTION_TYPE_NAMES,
  INTERACTION_TYPES,
  isValidId,
  parseEvent,
} from "../../src/events/index.ts";
import { oneOfEach } from "./make-events.ts";

const NOW = 1_700_000_000_000 as EpochMs;

function parse(input: unknown, where?: string) {
  const makeId = () => "made" as EventId;
  return parseEvent(input, where === undefined ? { now: NOW, makeId } : { now: NOW, makeId, where });
}

function messageOf(input: unknown): string {
  const result = parse(input);
  if (result.ok) throw new Error("expected a problem");
  expect(result.problem.code).toBe("invalid_event");
  return result.problem.message;
}

const accepted = (input: unknown) => parse(input).ok;

const watch = { kind: "interaction", id: "e1", time: NOW, user: "u1", item: "v1", type: "watch", value: 0.5 };
const impression = { kind: "impression", user: "u1", request: "r1", slots: [{ item: "v1", position: 0 }] };
const item = (facts: unknown) => ({ kind: "item", item: "v1", facts });
const user = (facts: unknown) => ({ kind: "user", user: "u1", facts });

describe("an event at the border", () => {
  it("of every kind comes through as it is", () => {
    for (const event of oneOfEach) expect(parse(event)).toEqual({ ok: true, value: event });
  });

  it("gets an id and the time where it has none, and a kind where it looks like an interaction", () => {
    const expected = { kind: "interaction", id: "made", time: NOW, user: "u1", item: "v1", type: "like" };
    expect(parse({ user: "u1", item: "v1", type: "like" })).toEqual({ ok: true, value: expected });
    expect(accepted({ user: "u1" })).toBe(false);
  });

  it("leaves out what is undefined and shares no object with the input", () => {
    const input = item({ title: undefined, categories: ["a"], attributes: { hd: true } });
    const result = parse(input);
    input.facts = undefined;
    expect(result).toStrictEqual({
      ok: true,
      value: {
        kind: "item",
        id: "made",
        time: NOW,
        item: "v1",
        facts: { categories: ["a"], attributes: { hd: true } },
      },
    });
  });

  it("is refused with the place, what came, what was expected and the cure", () => {
    const result = parse({ ...watch, value: 1.5 }, "events[3]");
    expect(result).toEqual({
      ok: false,
      problem: {
        code: "invalid_event",
        message:
          "events[3].value: got 1.5, expected the share watched, 0 to 1. " +
          "Divide the seconds watched by the duration, or leave value out.",
      },
    });
  });

  it.each([
    [{ ...watch, vlaue: 1 }, /^event: got "vlaue", expected only the keys .*Did you mean "value"\?/],
    [{ ...watch, type: "wacth" }, /^event\.type: got "wacth", expected one of .*Did you mean "watch"\?/],
    [{ ...watch, kind: "intercation" }, /^event\.kind: .*Did you mean "interaction"\?/],
    [{ ...watch, kind: "toString" }, /^event\.kind: got "toString"/],
    [{ ...watch, user: 42 }, /^event\.user: got a number, expected a user id/],
    [{ ...watch, item: undefined }, /^event\.item: got nothing, expected an item id/],
    [{ ...watch, value: "0.5" }, /^event\.value: got "0\.5", expected a finite number/],
    [{ ...watch, value: Number.NaN }, /^event\.value: got NaN/],
    [{ ...watch, value: Number.POSITIVE_INFINITY }, /^event\.value: got Infinity/],
    [{ ...watch, value: null }, /^event\.value: got null/],
    [{ ...watch, type: "like" }, /^event\.value: got 0\.5, expected no value for this type/],
    [{ ...watch, time: "2024-01-01" }, /^event\.time: got "2024-01-01", expected milliseconds/],
    [{ ...watch, time: 1.5 }, /^event\.time: got 1\.5/],
    [{ ...watch, time: NOW * 1000 }, /^event\.time: .*at most one day ahead of now/],
    [{ ...impression, slots: [] }, /^event\.slots: got a list of 0/],
    [
      { ...impression, slots: [{ item: "a", position: 0, propensity: 0 }] },
      /^event\.slots\[0\]\.propensity: got 0/,
    ],
    [{ ...impression, slots: [1] }, /^event\.slots\[0\]: got a number/],
    [item({ titel: "x" }), /^event\.facts: got "titel".*Did you mean "title"\?/],
    [item(undefined), /^event\.facts: got nothing/],
    [user({ age: { years: 3 } }), /^event\.facts\.age: got an object/],
    [null, /^event: got null/],
    [[watch], /^event: got a list of 1/],
    ["x", /^event: got a string/],
    [{}, /^event\.kind: got nothing/],
  ])("%j is answered exactly", (input, message) => {
    expect(messageOf(input)).toMatch(message);
  });

  it("never shows a user's id or facts in a message", () => {
    const secret = "secret\u0000name";
    for (const input of [
      { ...watch, user: secret },
      user({ [secret.repeat(20)]: 1 }),
      user({ a: ["secret"] }),
    ]) {
      expect(messageOf(input)).not.toContain("secret");
    }
  });

  it("may not carry the key __proto__ anywhere", () => {
    const texts = [
      '{"__proto__":{},"user":"u","item":"v","type":"like"}',
      '{"kind":"user","user":"u","facts":{"__proto__":1}}',
      '{"kind":"item","item":"v","facts":{"__proto__":1}}',
      '{"kind":"item","item":"v","facts":{"attributes":{"__proto__":1}}}',
      '{"kind":"impression","user":"u","request":"r","slots":[{"item":"v","position":0,"__proto__":1}]}',
      '{"kind":"__proto__"}',
    ];
    for (const text of texts) expect(messageOf(JSON.parse(text))).toContain("__proto__");
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    const constructed = parse(user(JSON.parse('{"constructor":1,"toString":"x"}')));
    expect(constructed).toMatchObject({ ok: true, value: { facts: { constructor: 1, toString: "x" } } });
  });

  it("has ids of 1 to 256 characters without control characters and broken surrogates", () => {
    const good = ["a", " ", "x".repeat(256), "Zoë 🎬", "__proto__"];
    const bad = ["", "x".repeat(257), "a\u0000", "\n", "\u007f", "\u0085", "\ud83c", "\udfac\ud83c"];
    for (const [ids, fits] of [
      [good, true],
      [bad, false],
    ] as const) {
      for (const id of ids) {
        expect(isValidId(id)).toBe(fits);
        for (const key of ["id", "user", "item", "request"])
          expect(accepted({ ...watch, [key]: id })).toBe(fits);
      }
    }
  });

  it("has a time from 1970 to one day ahead", () => {
    for (const time of [0, NOW, NOW + DAY]) expect(accepted({ ...watch, time })).toBe(true);
    for (const time of [-1, NOW + DAY + 1, Number.NaN, 2 ** 53])
      expect(accepted({ ...watch, time })).toBe(false);
  });

  it("has a value in the range of its type", () => {
    const ranges = { none: null, share: [0, 1], rating: [0, 10], amount: [0, 1e300] } as const;
    for (const type of INTERACTION_TYPE_NAMES) {
      const range = ranges[INTERACTION_TYPES[type].value];
      const { value: _, ...bare } = { ...watch, type };
      expect(accepted(bare)).toBe(true);
      for (const value of [0, 0.5, 1, 1.01, 10, 10.01, 1e300, -0.01]) {
        const fits = range !== null && value >= range[0] && value <= range[1];
        expect(accepted({ ...bare, value })).toBe(fits);
      }
    }
  });

  it("has 1 to 500 slots at distinct positions", () => {
    const slots = (n: number) => Array.from({ length: n }, (_, position) => ({ item: "v1", position }));
    for (const [n, fits] of [
      [1, true],
      [500, true],
      [501, false],
    ] as const) {
      expect(accepted({ ...impression, slots: slots(n) })).toBe(fits);
    }
    const twice = [...slots(3), { item: "v9", position: 1 }];
    expect(messageOf({ ...impression, slots: twice })).toMatch(/^event\.slots\[3\]\.position: got 1/);
  });

  it("has facts of bounded size", () => {
    const keys = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, i]));
    const { title, categories, attributes, attributeKey, attributeValue } = EVENT_LIMITS;
    const sizes: readonly [(n: number) => unknown, number][] = [
      [(n) => item({ title: "x".repeat(n) }), title],
      [(n) => item({ categories: Array(n).fill("c") }), categories],
      [(n) => item({ attributes: keys(n) }), attributes],
      [(n) => user(keys(n)), attributes],
      [(n) => user({ ["k".repeat(n)]: 1 }), attributeKey],
      [(n) => user({ k: "x".repeat(n) }), attributeValue],
    ];
    for (const [input, limit] of sizes) {
      expect([accepted(input(limit)), accepted(input(limit + 1))]).toEqual([true, false]);
    }
  });

  it("carries a request as JSON of bounded size without cycles", () => {
    const context = (request: unknown) => ({
      ...impression,
      context: { offset: 0, request, fingerprint: "f" },
    });
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(accepted(context({ n: 1 }))).toBe(true);
    for (const request of [cycle, deep, "x".repeat(70_000)]) expect(accepted(context(request))).toBe(false);
  });

  it("of any shape whatever gets an answer, never a crash", () => {
    const anything = fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true });
    const close = fc.record(
      {
        kind: fc.constantFrom(...Object.keys(EVENT_SCHEMAS), undefined),
        user: anything,
        item: anything,
        facts: anything,
        slots: anything,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(anything, close), (input) => {
        const result = parse(input);
        if (result.ok) expect(eventSchema.safeParse(result.value).success).toBe(true);
        else expect(result.problem.message).toMatch(/: got .*, expected /s);
      }),
    );
  });

  it("is described for the API by the same schemas", () => {
    const described = z.toJSONSchema(eventSchema);
    expect(described.oneOf).toHaveLength(Object.keys(EVENT_SCHEMAS).length);
  });
});
