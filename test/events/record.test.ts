import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { INTERACTION_TYPE_NAMES } from "../../src/events/index.ts";
import { RecordReader, RecordWriter } from "../../src/events/record.ts";
import { interaction, oneOfEach } from "./make-events.ts";

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 });
const interactionArbitrary = fc.record(
  {
    kind: fc.constant("interaction"),
    id: text,
    time: fc.nat({ max: 2 ** 52 }),
    user: text,
    item: text,
    type: fc.constantFrom(...INTERACTION_TYPE_NAMES),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
    request: text,
    surface: text,
  },
  { requiredKeys: ["kind", "id", "time", "user", "item", "type"], noNullPrototype: true },
);

describe("records", () => {
  it("come back as they were, for any texts and numbers", () => {
    fc.assert(
      fc.property(fc.array(interactionArbitrary, { maxLength: 5 }), (events) => {
        const writer = new RecordWriter(8);
        for (const event of events) writer.write(event as never);
        const reader = new RecordReader();
        reader.open(writer.bytes, 0);
        for (const event of events) expect(reader.next()).toEqual(event);
        expect(reader.at).toBe(writer.at);
      }),
    );
  });

  it("can be passed over, and show their id on the way", () => {
    const writer = new RecordWriter();
    for (const event of oneOfEach) writer.write(event);
    const reader = new RecordReader();
    reader.open(writer.bytes, 0);
    for (const event of oneOfEach) {
      reader.skip();
      expect(writer.bytes.toString("utf8", reader.idStart, reader.idEnd)).toBe(event.id);
    }
    expect(reader.at).toBe(writer.at);
  });

  it("of an ordinary interaction take some 40 bytes", () => {
    const writer = new RecordWriter();
    writer.write(interaction(123_456));
    expect(writer.at).toBeLessThan(40);
  });

  it("refuse half a surrogate pair and leave no trace", () => {
    const writer = new RecordWriter();
    writer.write(interaction(1));
    const { at } = writer;
    expect(() => writer.write(interaction(2, { user: "\ud83c" as never }))).toThrow(/surrogate/);
    expect(writer.at).toBe(at);
  });
});
