import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EpochMs, EventId } from "../../src/core/index.ts";
import { type Event, parseEvent, type StoredEvent } from "../../src/events/index.ts";
import { RecordReader, RecordWriter } from "../../src/events/record.ts";
import { interaction, oneOfEach } from "./make-events.ts";

const NOW = (2 ** 53 - 1) as EpochMs;
const context = { now: NOW, makeId: () => "made" as EventId };

/** What the border makes of an input that it must take. */
function parsed(input: unknown): Event {
  const result = parseEvent(input, context);
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
}

function written(...events: readonly Event[]): RecordWriter {
  const writer = new RecordWriter(8);
  for (const event of events) writer.write(event);
  return writer;
}

/** Reads so many records, and requires that they are all there is. */
function readBack(writer: RecordWriter, count: number): StoredEvent[] {
  const reader = new RecordReader();
  reader.open(writer.bytes, 0);
  const events = Array.from({ length: count }, () => reader.next());
  expect(reader.at).toBe(writer.at);
  return events;
}

const isId = (text: string) => /^[^\p{Cc}\p{Cs}]+$/u.test(text) && text.length <= 256;
const asciiId = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 40 }).filter(isId);
const anyId = fc.oneof(
  { weight: 4, arbitrary: asciiId },
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 90 }).filter(isId),
);
const sourceName = fc.oneof(fc.constantFrom("popular", "als", "new"), anyId);
const placeName = anyId.filter((text) => text.length <= 64);
const score = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1, 0.5, 5e-324),
);
const propensity = fc.oneof(
  fc.double({ min: 0, minExcluded: true, max: 1, noNaN: true }),
  fc.constantFrom(1, 0.25, 0.1234),
);
const slotOf = {
  item: anyId,
  position: fc.oneof(fc.nat(600), fc.maxSafeNat(), fc.constant(-0)),
  score,
  propensity,
  sources: fc.array(sourceName, { maxLength: 6 }),
};
/** Slates in which any slot has any part, and those in which all slots have the same. */
const slots = fc
  .oneof(
    fc.array(fc.record(slotOf, { requiredKeys: ["item", "position"] }), { minLength: 1, maxLength: 80 }),
    fc.array(fc.record(slotOf), { minLength: 1, maxLength: 20 }),
    fc
      .array(fc.record(slotOf), { minLength: 1, maxLength: 20 })
      .map((list) => list.map((slot, position) => ({ ...slot, position }))),
  )
  .map((list) => list.filter((slot, i) => list.findIndex((other) => other.position === slot.position) === i));
const impression = fc.record(
  {
    kind: fc.constant("impression"),
    id: anyId,
    time: fc.oneof(fc.nat({ max: 2 ** 52 }), fc.constant(-0)),
    user: anyId,
    request: anyId,
    slots,
    model: anyId,
    rung: anyId,
    surface: placeName,
    device: placeName,
    context: fc.record(
      {
        offset: fc.oneof(fc.maxSafeNat(), fc.constant(-0)),
        // JSON has no -0.
        request: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
        fingerprint: anyId,
      },
      { requiredKeys: ["offset", "fingerprint", "request"] },
    ),
  },
  { requiredKeys: ["kind", "id", "time", "user", "request", "slots"], noNullPrototype: true },
);

const ten = {
  kind: "impression",
  id: "impression:r123456",
  time: 1_700_000_000_000,
  user: "u12345",
  request: "r123456",
  slots: Array.from({ length: 10 }, (_, position) => ({
    item: `v${1000 + position}`,
    position,
    score: Math.sin(position + 1),
    propensity: 1,
    sources: position % 2 === 0 ? ["popular"] : ["als", "popular"],
  })),
  model: "c0ffee",
  rung: "full",
  context: { offset: 123_456, request: { user: "u12345", limit: 10 }, fingerprint: "abcdef" },
};

describe("the record of an impression", () => {
  it("gives back whatever the border lets in, part by part", () => {
    fc.assert(
      fc.property(fc.array(impression, { minLength: 1, maxLength: 3 }), (inputs) => {
        const events = inputs.map(parsed);
        // One reader for all: nothing of a record may show in the next.
        expect(readBack(written(...events), events.length)).toStrictEqual(events);
      }),
      { numRuns: 500 },
    );
  });

  it("gives back keys in the border's order, so that its JSON is the same", () => {
    const event = parsed(ten);
    expect(JSON.stringify(readBack(written(event), 1)[0])).toBe(JSON.stringify(event));
  });

  it("can be passed over, whatever is in it, and shows its id on the way", () => {
    fc.assert(
      fc.property(impression, (input) => {
        const writer = written(parsed(input), interaction(1));
        expect(writer.bytes.toString("utf8", writer.idStart, writer.idEnd)).toBe("e1");
        const reader = new RecordReader();
        reader.open(writer.bytes, 0);
        reader.skip();
        expect(writer.bytes.toString("utf8", reader.idStart, reader.idEnd)).toBe(input.id);
        expect(reader.next()).toEqual(interaction(1));
      }),
    );
  });

  it("takes slates at the limits: 500 slots with 100 sources each, no two alike", () => {
    const names = (i: number) => Array.from({ length: 100 }, (_, n) => `source ${i} ${n}`);
    const big = Array.from({ length: 500 }, (_, i) => ({
      item: "é".repeat(256),
      position: i,
      sources: names(i),
    }));
    const event = parsed({ ...ten, slots: big });
    expect(readBack(written(event, event), 2)).toEqual([event, event]);
  });

  it("takes a context whose request is absent, and leaves it absent", () => {
    const { request: _, ...rest } = ten.context;
    const event = { ...parsed(ten), context: rest } as never;
    expect(readBack(written(event), 1)).toStrictEqual([event]);
  });

  it("of ten slots takes less than a quarter of the bytes of its JSON", () => {
    expect(written(parsed(ten)).at).toBeLessThan(JSON.stringify(ten).length / 4);
  });

  it("refuses half a surrogate pair in any of its texts and leaves no trace", () => {
    const half = "\ud83c";
    const slot = ten.slots[0]!;
    const wrong = [
      { ...ten, user: half },
      { ...ten, model: half },
      { ...ten, slots: [{ ...slot, item: half }] },
      { ...ten, slots: [{ ...slot, sources: [half] }] },
      { ...ten, context: { ...ten.context, fingerprint: half } },
    ];
    const writer = written(interaction(1));
    const { at } = writer;
    for (const event of wrong) {
      expect(() => writer.write(event as never)).toThrow(/surrogate/);
      expect(writer.at).toBe(at);
    }
    // Within the request it is JSON's \ud83c.
    const event = parsed({ ...ten, context: { ...ten.context, request: half } });
    expect(readBack(written(event), 1)).toEqual([event]);
  });

  it("that is cut off or has other bytes throws or ends within its bytes, and never runs on", () => {
    const whole = written(parsed(ten), ...oneOfEach);
    const bytes = Buffer.from(whole.bytes.subarray(0, whole.at));
    const edit = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) });
    const property = fc.property(fc.array(edit, { maxLength: 4 }), fc.nat(bytes.length), (edits, cut) => {
      const other = Buffer.from(bytes.subarray(0, bytes.length - cut));
      for (const { at, to } of edits) if (at < other.length) other[at] = to;
      const reader = new RecordReader();
      reader.open(other, 0);
      try {
        while (reader.at < other.length) reader.next();
      } catch (error) {
        expect(error instanceof RangeError || error instanceof SyntaxError).toBe(true);
        return;
      }
      expect(reader.at).toBe(other.length);
    });
    fc.assert(property, { numRuns: 2000 });
  });
});
