import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJsonBody } from "../../src/serving/json-body.ts";
import { PIECE } from "../../src/serving/json-pieces.ts";

/** The oracle: levels of a value, counted on the value. */
function levelsOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(levelsOf));
}

const pieceSize = fc.integer({ min: 1, max: 40 });
const indent = fc.integer({ min: 0, max: 2 });

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("a JSON body", () => {
  it("becomes what JSON.parse makes of it, for any JSON within the depth, in pieces of any size", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 8 }), pieceSize, indent, async (value, size, space) => {
        const bytes = Buffer.from(JSON.stringify(value, null, space));
        const expected: unknown = JSON.parse(bytes.toString());
        const parsed = await parseJsonBody(bytes, 100, size);
        if (bytes.includes("__proto__")) return;
        expect(parsed).toEqual({ ok: true, value: expected });
        // The order of keys too.
        expect(parsed.ok && JSON.stringify(parsed.value)).toBe(JSON.stringify(expected));
      }),
    );
  });

  it("is JSON in pieces exactly where it is JSON as a whole", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom(...'[]{},:"1a \\'), maxLength: 24 }),
        pieceSize,
        async (text, size) => {
          const isJson = (await parseJsonBody(Buffer.from(text), 100, size)).ok;
          expect(isJson, text).toBe(parses(text));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['{"a":1,"__proto__":{"x":1}}', 4],
    ['{"a":[1,2,3,4,5,6,7,8,9],"__proto__":[1,2,3,4,5,6,7,8,9]}', 4],
    ['[1,2,3,{"constructor":{"prototype":{"x":1}}}]', 4],
    ['{"constructor":{"a":1,"b":2,"prototype":{"x":1}}}', 4],
    ['{"constructor":{"prototype":{"x":1}}}', 1000],
  ])("cannot reach a prototype in pieces either: %s", async (text, size) => {
    expect(await parseJsonBody(Buffer.from(text), 100, size)).toMatchObject({
      ok: false,
      problem: { code: "invalid_request" },
    });
    expect("x" in {}).toBe(false);
  });

  it("has no object of thousands of members, which whoever checks it would have to look at at once", async () => {
    const members = Array.from({ length: 10_000 }, (_, i) => `"k${i}":1`);
    expect(await parseJsonBody(Buffer.from(`{${members.join()}}`), 16)).toMatchObject({
      ok: false,
      problem: { code: "invalid_request", message: expect.stringContaining("a few members") },
    });
  });

  it("lets others have their turn while a large one is parsed", async () => {
    const bytes = Buffer.from(
      JSON.stringify({ events: Array.from({ length: 40_000 }, (_, i) => ({ id: i })) }),
    );
    let turns = 0;
    let over = false;
    const count = (): void => {
      turns++;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    const parsed = await parseJsonBody(bytes, 16);
    over = true;
    expect(parsed.ok).toBe(true);
    expect(turns).toBeGreaterThan(bytes.length / PIECE / 3);
  });

  it("is refused exactly where the value has more levels than the limit", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue({ maxDepth: 6 }),
        fc.integer({ min: 0, max: 6 }),
        async (value, limit) => {
          const bytes = Buffer.from(JSON.stringify(value));
          const refused = !(await parseJsonBody(bytes, limit)).ok;
          expect(refused).toBe(levelsOf(value) > limit || bytes.includes("__proto__"));
        },
      ),
    );
  });

  it("never throws, whatever the bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), pieceSize, async (bytes, size) => {
        expect(typeof (await parseJsonBody(Buffer.from(bytes), 4, size)).ok).toBe("boolean");
      }),
    );
  });

  it.each([4, 1000])("never quotes itself in a message, in pieces of %i", async (size) => {
    const parsed = await parseJsonBody(Buffer.from('{\n "user": "secret" "x"}'), 4, size);
    expect(parsed).toMatchObject({
      ok: false,
      problem: { message: expect.stringMatching(/line 2, column 19/) },
    });
    expect(JSON.stringify(parsed)).not.toContain("secret");
  });
});
