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
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
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

/** HalfSipHash-c-d with 64 bits of output as its authors' reference describes it, slowly. */
function halfSipHash(bytes: Uint8Array, key: readonly [number, number], c: number, d: number): number[] {
  const rotate = (x: number, by: number) => (x << by) | (x >>> (32 - by));
  let [v0, v1, v2, v3] = [key[0], key[1] ^ 0xee, 0x6c796765 ^ key[0], 0x74656462 ^ key[1]];
  const rounds = (n: number) => {
    for (let i = 0; i < n; i++) {
      v0 = (v0 + v1) | 0;
      v1 = rotate(v1, 5) ^ v0;
      v0 = rotate(v0, 16);
      v2 = (v2 + v3) | 0;
      v3 = rotate(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotate(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotate(v1, 13) ^ v2;
      v2 = rotate(v2, 16);
    }
  };
  const padded = Buffer.alloc((bytes.length & ~3) + 4);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length;
  for (let at = 0; at < padded.length; at += 4) {
    const word = padded.readInt32LE(at);
    v3 ^= word;
    rounds(c);
    v0 ^= word;
  }
  v2 ^= 0xee;
  rounds(d);
  const first = (v1 ^ v3) >>> 0;
  v1 ^= 0xdd;
  rounds(d);
  return [first, (v1 ^ v3) >>> 0];
}

describe("the id hash", () => {
  it("begins with HalfSipHash-1-3", () => {
    // The authors' first test vector of HalfSipHash-2-4-64: no input, key 00 01 … 07.
    const key = [0x03020100, 0x07060504] as const;
    expect(halfSipHash(new Uint8Array(), key, 2, 4)).toEqual([0x591f8d21, 0xc83cb8b9]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer(), fc.integer(), (bytes, k0, k1) => {
        hashId(bytes, 0, bytes.length, [k0, k1]);
        expect([...hashed.subarray(0, 2)]).toEqual(halfSipHash(bytes, [k0, k1], 1, 3));
      }),
    );
  });

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
