/** A batch of events: all of them, or the bad ones by place. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { EpochMs, EventId } from "../../src/core/index.ts";
import { parseEvent } from "../../src/events/index.ts";
import { parseEventBatch } from "../../src/serving/event-batch.ts";

const now = 1_790_000_000_000 as EpochMs;
const makeId = () => "made" as EventId;
const limits = { now, makeId, maxBatch: 10_000 };
const good = { user: "u1", item: "v1", type: "like" };

const anyEvent = fc.constantFrom<unknown>(
  good,
  { ...good, kind: "interaction", id: "e1", time: now, value: undefined },
  { kind: "item", item: "v1", facts: { title: "How glass is made" } },
  { ...good, type: "lke" },
  { ...good, time: now + 1e12 },
  { ...good, usr: "u2" },
  "text",
  null,
);

it("is what each of its events is alone, named by its place where it is not valid", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEvent, { minLength: 1, maxLength: 12 }), async (inputs) => {
      const alone = inputs.map((input, i) => parseEvent(input, { now, makeId, where: `events[${i}]` }));
      const messages = alone.flatMap((one, index) =>
        one.ok ? [] : [{ index, message: one.problem.message }],
      );
      const batch = await parseEventBatch({ events: inputs }, limits);
      if (batch.ok) {
        expect(messages).toEqual([]);
        expect(batch.events).toEqual(alone.map((one) => one.ok && one.value));
      } else {
        expect(batch.problems).toEqual(messages);
        expect(batch.problem.message).toContain(`First: ${messages[0]?.message}`);
      }
    }),
  );
});

it("names a bad event far behind others by its place, and no more than twenty", async () => {
  const inputs = Array.from({ length: 1000 }, (_, i) => (i < 900 ? good : { ...good, type: "lke" }));
  const batch = await parseEventBatch(inputs, limits);
  expect(batch).toMatchObject({
    ok: false,
    problem: {
      message: expect.stringMatching(
        /^100 of 1000 events are not valid; nothing was written. First: events\[900\]\.type: got "lke"/,
      ),
    },
  });
  expect(batch.ok ? [] : batch.problems?.map(({ index }) => index)).toEqual(
    Array.from({ length: 20 }, (_, i) => 900 + i),
  );
});
