/** The check by hand against the schema: the same inputs taken, the same events made. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY, type EpochMs, type EventId } from "../../src/core/index.ts";
import { interactionSchema } from "../../src/events/event-schema.ts";
import { INTERACTION_TYPE_NAMES } from "../../src/events/interaction-type.ts";
import { plainInteraction } from "../../src/events/plain-interaction.ts";

const now = 1_790_000_000_000 as EpochMs;
const latest = now + DAY;
const stamps = { now, makeId: () => "made" as EventId };
const plain = (input: object) => plainInteraction(input, stamps, latest);

/** What the schema makes of it, with the rule for times that needs a clock; undefined where it refuses. */
function bySchema(input: object): object | undefined {
  const named = (input as { kind?: unknown }).kind === undefined ? { ...input, kind: "interaction" } : input;
  const { data } = interactionSchema.safeParse(named);
  if (data === undefined) return undefined;
  const { id = "made", time = now, user, item, type, value, request, surface } = data;
  if (time > latest) return undefined;
  return {
    kind: "interaction",
    id,
    time,
    user,
    item,
    type,
    ...(value === undefined ? {} : { value }),
    ...(request === undefined ? {} : { request }),
    ...(surface === undefined ? {} : { surface }),
  };
}

const lengthOf = (part: unknown) => (typeof part === "string" ? part.length : 0);

const anything = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    "",
    0,
    -0,
    -1,
    1,
    0.5,
    10,
    10.5,
    Number.NaN,
    Infinity,
    2 ** 53,
    [],
    {},
  ),
  fc.string({ unit: "binary", maxLength: 4 }),
);
const anyId = fc.oneof(
  { weight: 8, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom(
    "\ud800",
    "a\u0000",
    "\u007f",
    "\u0080",
    "\u00a0",
    "é",
    "🎬",
    "x".repeat(256),
    "x".repeat(257),
  ),
  fc.constantFrom("🎬".repeat(128), "🎬".repeat(129), "toString", "__proto__"),
);
const usually = (arbitrary: fc.Arbitrary<unknown>) => fc.oneof({ weight: 12, arbitrary }, anything);

/** Interactions of which some have something wrong somewhere. */
const anyInput = fc
  .tuple(
    fc.record(
      {
        kind: usually(fc.constant("interaction")),
        id: usually(anyId),
        time: usually(
          fc.oneof(fc.integer({ min: 0, max: now }), fc.constantFrom(latest, latest + 1, -1, 0.5)),
        ),
        user: usually(anyId),
        item: usually(anyId),
        type: usually(fc.constantFrom<string>(...INTERACTION_TYPE_NAMES, "wtach", "constructor")),
        value: usually(fc.double({ min: -1, max: 12 })),
        request: usually(anyId),
        surface: usually(fc.oneof(anyId, fc.constantFrom("x".repeat(64), "x".repeat(65)))),
      },
      { requiredKeys: ["user", "item", "type"] },
    ),
    fc.oneof({ weight: 8, arbitrary: fc.constant({}) }, fc.constantFrom({ valeu: 1 }, { user: undefined })),
  )
  .map(([input, other]) => ({ ...input, ...other }));

describe("the check of an interaction by hand", () => {
  it("takes what the schema takes, and makes the same event of it", () => {
    let taken = 0;
    fc.assert(
      fc.property(anyInput, (input) => {
        const event = plain(input);
        if (event !== undefined) taken++;
        // The schema counts the code points of an id; one of more UTF-16 units than that is left to it.
        if (event === undefined && Object.values(input).some((part) => lengthOf(part) > 256)) return;
        expect(event).toStrictEqual(bySchema(input));
      }),
      { numRuns: 4000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it("leaves to the schema whatever is no plain object", () => {
    const fine = { user: "u1", item: "v1", type: "like" };
    expect(plain(fine)).toBeDefined();
    class Click {
      user = "u1";
      item = "v1";
      type = "like";
    }
    expect(plain(new Click())).toBeUndefined();
    expect(plain(Object.create(fine))).toBeUndefined();
    expect(plain(JSON.parse('{"user":"u1","item":"v1","type":"like","__proto__":{}}'))).toBeUndefined();
  });
});
