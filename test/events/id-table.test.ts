import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashed, hashId } from "../../src/events/id-hash.ts";
import { IdTable } from "../../src/events/id-table.ts";

describe("the id table", () => {
  it("is a set under adding and removing, with many hashes in one place", () => {
    // Two shards and three homes, so that runs of probes collide, wrap around and have holes closed.
    const hash = fc.tuple(
      fc.constantFrom(0, 0xff000000),
      fc.constantFrom(0, 62, 63),
      fc.integer({ min: 1, max: 9 }),
    );
    const step = fc.tuple(fc.boolean(), hash);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const table = new IdTable();
        const set = new Set<string>();
        for (const [add, [a, b, c]] of steps) {
          const key = `${a}/${b}/${c}`;
          if (add) {
            expect(table.add(a, b, c)).toBe(!set.has(key));
            set.add(key);
          } else {
            table.remove(a, b, c);
            set.delete(key);
          }
          expect(table.has(a, b, c)).toBe(set.has(key));
        }
        expect(table.size).toBe(set.size);
        for (const key of set) {
          const [a, b, c] = key.split("/").map(Number);
          expect(table.has(a!, b!, c!)).toBe(true);
        }
      }),
    );
  });

  it("holds 20 million ids in less than 450 MB", () => {
    expect(new IdTable(20_000_000).bytes).toBeLessThan(450e6);
    // And growing by itself ends at the same size as being told.
    const grown = new IdTable();
    for (let i = 1; i <= 100_000; i++)
      grown.add(Math.imul(i, 0x9e3779b1) >>> 0, Math.imul(i, 0x85ebca6b) >>> 0, i);
    expect(grown.bytes / 100_000).toBeLessThan(450 / 20 + 14);
    expect(grown.size).toBe(100_000);
  });
});

describe("the id hash", () => {
  const hash = (text: string, key: readonly [number, number]) => {
    const bytes = Buffer.from(`--${text}--`);
    hashId(bytes, 2, bytes.length - 2, key);
    return [...hashed].join(" ");
  };

  it("is the same for the same id wherever it lies, and another under another key", () => {
    for (const id of ["", "a", "abc", "abcd", "abcde", "event-0123456789"]) {
      expect(hash(id, [1, 2])).toBe(hash(id, [1, 2]));
      expect(hash(id, [1, 2])).not.toBe(hash(id, [1, 3]));
      expect(hash(id, [1, 2])).not.toBe(hash(`${id}\0`, [1, 2]));
    }
  });

  it("gives each of 100,000 similar ids words of their own, spread over all bits", () => {
    const seen = [new Set<number>(), new Set<number>(), new Set<number>()];
    const ones = new Float64Array(96);
    const n = 100_000;
    for (let i = 0; i < n; i++) {
      const bytes = Buffer.from(`e${i}`);
      hashId(bytes, 0, bytes.length, [7, 11]);
      for (let word = 0; word < 3; word++) {
        seen[word]!.add(hashed[word]!);
        for (let bit = 0; bit < 32; bit++) ones[word * 32 + bit]! += (hashed[word]! >>> bit) & 1;
      }
    }
    // 32-bit words of 100,000 ids repeat about 1.2 times; each bit is 1 in half of them, give or take 5 deviations.
    for (const words of seen) expect(n - words.size).toBeLessThan(12);
    for (const count of ones) expect(Math.abs(count - n / 2)).toBeLessThan(5 * Math.sqrt(n / 4));
  });
});
