/** What is left of an event as bytes: it comes back as it was, is passed over, and has the hash of the id that is gone. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EpochMs, ItemId } from "../../src/core/index.ts";
import { type AnonymousParts, anonymousParts } from "../../src/events/anonymous-record.ts";
import { type HashKey, hashed, hashId } from "../../src/events/id-hash.ts";
import { INTERACTION_TYPE_NAMES } from "../../src/events/index.ts";
import { RecordReader, RecordWriter } from "../../src/events/record.ts";
import { interaction, oneOfEach } from "./make-events.ts";

const KEY: HashKey = [1234, 5678];

const hashOf = (id: string): number[] => {
  const bytes = Buffer.from(id);
  hashId(bytes, 0, bytes.length, KEY);
  return [...hashed];
};

const hexOf = (hash: readonly number[]) => {
  const bytes = Buffer.alloc(12);
  for (const [n, word] of hash.entries()) bytes.writeUInt32LE(word, n * 4);
  return bytes.toString("hex");
};

const parts = fc.record(
  {
    items: fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), { maxLength: 30 }),
    time: fc.nat({ max: 2 ** 52 }),
    type: fc.constantFrom(...INTERACTION_TYPE_NAMES),
    value: fc.float({ noNaN: true }),
    answered: fc.constant(true),
  },
  { requiredKeys: ["items", "time"], noNullPrototype: true },
) as unknown as fc.Arbitrary<AnonymousParts>;

describe("an anonymous record", () => {
  it("comes back as it was, among others, and has the hash of the id that is gone", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ minLength: 1 }), parts), { maxLength: 4 }), (records) => {
        const writer = new RecordWriter(8);
        for (const [n, [id, left]] of records.entries()) {
          hashOf(id);
          writer.writeAnonymous(left);
          writer.write(interaction(n));
        }
        const reader = new RecordReader();
        reader.open(writer.bytes, 0);
        for (const [n, [id, left]] of records.entries()) {
          expect(reader.next()).toEqual({ kind: "anonymous", id: hexOf(hashOf(id)), ...left });
          expect(reader.next()).toEqual(interaction(n));
        }
        reader.open(writer.bytes, 0);
        for (const [n, [id, left]] of records.entries()) {
          const hash = hashOf(id);
          reader.skip();
          reader.hash(KEY);
          expect([...hashed]).toEqual(hash);
          expect(reader.time).toBe(left.time);
          expect(reader.userEnd).toBe(0);
          reader.skip();
          reader.hash([9, 9]);
          expect(reader.time).toBe(interaction(n).time);
        }
        expect(reader.at).toBe(writer.at);
      }),
    );
  });

  it("keeps what statistics count of interactions and impressions, and nothing of user facts", () => {
    expect(oneOfEach.map((event) => anonymousParts(event)).slice(0, 3)).toEqual([
      { items: ["v1"], time: interaction(1).time, type: "watch", value: Math.fround(0.1), answered: true },
      { items: ["v"], time: 5, type: "like" },
      { items: ["v1", "v2"], time: 6 },
    ]);
    expect(anonymousParts(interaction(1, { type: "purchase", value: 99.5 }))).toEqual({
      items: ["v1"],
      time: interaction(1).time,
      type: "purchase",
    });
    expect(anonymousParts(oneOfEach.find(({ kind }) => kind === "user")!)).toEqual({ items: [], time: 0 });
  });

  it("that is nonsense is refused", () => {
    const writer = new RecordWriter();
    hashOf("e1");
    writer.writeAnonymous({ items: ["v1" as ItemId], time: 5 as EpochMs, type: "like" });
    const whole = Buffer.from(writer.bytes.subarray(0, writer.at));
    const reader = new RecordReader();
    // The type, the count of items, the length of the first, and the size of all.
    for (const [at, value] of [
      [26, 99],
      [27, 9],
      [28, 40],
      [2, 200],
    ] as const) {
      const bytes = Buffer.from(whole);
      bytes[at] = value;
      reader.open(bytes, 0);
      expect(() => reader.next()).toThrow(RangeError);
    }
  });
});
