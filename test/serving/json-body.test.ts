import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJsonBody } from "../../src/serving/json-body.ts";

/** The oracle: levels of a value, counted on the value. */
function levelsOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(levelsOf));
}

describe("a JSON body", () => {
  it("becomes what JSON.parse makes of it, for any JSON within the depth", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        const bytes = Buffer.from(JSON.stringify(value));
        const expected: unknown = JSON.parse(bytes.toString());
        const parsed = parseJsonBody(bytes, 100);
        if (bytes.includes("__proto__")) return;
        expect(parsed).toEqual({ ok: true, value: expected });
      }),
    );
  });

  it("is refused exactly where the value has more levels than the limit", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 6 }), (value, limit) => {
        const bytes = Buffer.from(JSON.stringify(value));
        const refused = !parseJsonBody(bytes, limit).ok;
        expect(refused).toBe(levelsOf(value) > limit || bytes.includes("__proto__"));
      }),
    );
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(typeof parseJsonBody(Buffer.from(bytes), 4).ok).toBe("boolean");
      }),
    );
  });

  it("never quotes itself in a message", () => {
    const parsed = parseJsonBody(Buffer.from('{\n "user": "secret" "x"}'), 4);
    expect(parsed).toMatchObject({
      ok: false,
      problem: { message: expect.stringMatching(/line 2, column 19/) },
    });
    expect(JSON.stringify(parsed)).not.toContain("secret");
  });
});
