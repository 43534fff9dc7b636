import { beforeAll, describe, expect, it } from "vitest";
import { createCatalog } from "../../../src/catalog/index.ts";
import { MINUTE, type Ms, type Progress, Random, silent } from "../../../src/core/index.ts";
import type { FitContext } from "../../../src/retrieval/index.ts";
import { columnsOf, type Encoder } from "../../../src/retrieval/sequence/encoder-columns.ts";
import { fitEncoder } from "../../../src/retrieval/sequence/fit-encoder.ts";
import { tickingClock } from "../../ticking-clock.ts";
import { extend, itemOf, NOW, sequencesOf, upsert } from "../checkerboard.ts";

const ITEMS = 24;
const catalog = createCatalog();
extend(
  catalog,
  Array.from({ length: ITEMS }, (_, row) => upsert(itemOf(row), NOW, { categories: [`c${row % 3}`] })),
);
/** Everybody goes round a ring of items, each from a place of its own. */
const users = Array.from({ length: 24 }, (_, user) =>
  Array.from({ length: 8 }, (_, step) => (user * 7 + step) % ITEMS),
);
/** The same with two steps more. */
const longer = users.map((items) => [...items, (items.at(-1)! + 1) % ITEMS, (items.at(-1)! + 2) % ITEMS]);

/** A context whose clock writes a checkpoint every few steps, and whose budget never cuts in. */
function contextOf(more: Partial<FitContext> = {}): FitContext {
  return {
    sequences: sequencesOf(users, ITEMS),
    catalog,
    random: new Random("fit"),
    progress: silent,
    clock: tickingClock(0.15 * MINUTE),
    budget: 1e15 as Ms,
    timeBudget: 1e6 as Ms,
    ...more,
  };
}

/** A checkpoint in memory, which fails for good at its nth write as if the process had been killed. */
function memory(stopAt = Number.POSITIVE_INFINITY, bytes?: Uint8Array) {
  const kept = { bytes, writes: 0 };
  const checkpoint = {
    read: async () => kept.bytes?.slice(),
    async write(written: Uint8Array) {
      if (++kept.writes >= stopAt) throw new Error("killed on purpose");
      kept.bytes = written.slice();
    },
  };
  return { kept, checkpoint };
}

function noting(): { progress: Progress; notes: string[] } {
  const notes: string[] = [];
  return { notes, progress: { ...silent, note: (text) => void notes.push(text) } };
}

describe("a training that is stopped and begun again", () => {
  let whole: Encoder;
  let writes: number;
  let last: Uint8Array;
  beforeAll(async () => {
    const { kept, checkpoint } = memory();
    whole = (await fitEncoder(contextOf({ checkpoint }), null))!;
    writes = kept.writes;
    last = kept.bytes!;
  });

  it("writes while it goes on, and learns the same whether it writes or not", async () => {
    expect(writes).toBeGreaterThan(10);
    expect(columnsOf(await fitEncoder(contextOf(), null))).toEqual(columnsOf(whole));
  });

  it.each([0.2, 0.85])("ends with the same bits, stopped after %f of its checkpoints", async (share) => {
    const first = memory(Math.round(share * writes));
    const killed = fitEncoder(contextOf({ checkpoint: first.checkpoint }), null);
    await expect(killed).rejects.toThrow("killed on purpose");
    const second = memory(undefined, first.kept.bytes);
    const { notes, progress } = noting();
    const again = await fitEncoder(contextOf({ checkpoint: second.checkpoint, progress }), null);
    expect(notes[0]).toMatch(/goes on from step \d+ of a training that was stopped/);
    expect(columnsOf(again)).toEqual(columnsOf(whole));
    expect(second.kept.writes).toBeLessThan(writes);
  });

  it("takes no step more where it was over already", async () => {
    const { kept, checkpoint } = memory(undefined, last);
    const again = await fitEncoder(contextOf({ checkpoint }), null);
    expect(columnsOf(again)).toEqual(columnsOf(whole));
    expect(kept.writes).toBeLessThanOrEqual(1);
  });

  it.each<[string, Partial<FitContext>]>([
    ["other sequences", { sequences: sequencesOf([...users.slice(1), users[0]!], ITEMS) }],
    ["another seed", { random: new Random("another") }],
    ["other facts", { catalog: recategorised() }],
  ])("begins anew on %s, and says so", async (_, more) => {
    const { notes, progress } = noting();
    const { checkpoint } = memory(undefined, last);
    // Time for a few steps: that it begins is what counts.
    const short = { clock: tickingClock(MINUTE), budget: (20 * MINUTE) as Ms };
    const fresh = await fitEncoder(contextOf({ ...more, ...short }), null);
    const again = await fitEncoder(contextOf({ ...more, ...short, checkpoint, progress }), null);
    expect(notes[0]).toMatch(/starts anew, since the checkpoint is of another training/);
    expect(again!.steps).toBe(fresh!.steps);
    expect(again!.steps).toBeLessThan(whole.steps);
  });

  it("begins anew where the checkpoint is torn", async () => {
    const { notes, progress } = noting();
    const { checkpoint } = memory(undefined, last.slice(0, last.length / 2));
    const short = { clock: tickingClock(MINUTE), budget: (20 * MINUTE) as Ms };
    expect(await fitEncoder(contextOf({ ...short, checkpoint, progress }), null)).not.toBeNull();
    expect(notes[0]).toContain("checkpoint_corrupt");
  });

  it("ends with the same bits where it had gone on from an earlier training", async () => {
    const newer = { sequences: sequencesOf(longer, ITEMS) };
    const uninterrupted = memory();
    const straight = await fitEncoder(contextOf({ ...newer, checkpoint: uninterrupted.checkpoint }), whole);
    expect(straight!.steps).toBeLessThan(whole.steps);
    const first = memory(Math.ceil(uninterrupted.kept.writes / 2));
    const killed = fitEncoder(contextOf({ ...newer, checkpoint: first.checkpoint }), whole);
    await expect(killed).rejects.toThrow("killed on purpose");
    const second = memory(undefined, first.kept.bytes);
    const again = await fitEncoder(contextOf({ ...newer, checkpoint: second.checkpoint }), whole);
    expect(columnsOf(again)).toEqual(columnsOf(straight));
  });
});

describe("a training", () => {
  it("has nothing to say where nobody took two items", async () => {
    for (const few of [[], [[]], [[0], [1], [], [2]]]) {
      expect(await fitEncoder(contextOf({ sequences: sequencesOf(few, ITEMS) }), null)).toBeNull();
    }
  });

  it("ends with its time, and gives the same steps the same bits on any machine", async () => {
    const short = () => ({ clock: tickingClock(MINUTE), budget: (60 * MINUTE) as Ms });
    const one = await fitEncoder(contextOf(short()), null);
    expect(one!.steps).toBeLessThan(60);
    expect(one!.steps).toBeGreaterThan(10);
    expect(columnsOf(await fitEncoder(contextOf(short()), null))).toEqual(columnsOf(one));
  });

  it("is none where the budget is nothing: what was not trained must not speak", async () => {
    expect(await fitEncoder(contextOf({ budget: 0 as Ms }), null)).toBeNull();
  });

  it("stays what it went on from where the budget is nothing", async () => {
    const before = await fitEncoder(
      contextOf({ clock: tickingClock(MINUTE), budget: (20 * MINUTE) as Ms }),
      null,
    );
    expect(columnsOf(await fitEncoder(contextOf({ budget: 0 as Ms }), before))).toEqual(columnsOf(before));
  });

  it("does not go on once it was over, however much time there is then", async () => {
    const { checkpoint } = memory();
    const short = { clock: tickingClock(MINUTE), budget: (20 * MINUTE) as Ms };
    const first = (await fitEncoder(contextOf({ ...short, checkpoint }), null))!;
    const again = (await fitEncoder(contextOf({ checkpoint }), null))!;
    expect(again).toEqual(first);
  });

  it("gives items that nobody took the vector of unknown ones", async () => {
    const short = { clock: tickingClock(MINUTE), budget: (20 * MINUTE) as Ms };
    const { weights, shape } = (await fitEncoder(
      contextOf({ ...short, sequences: sequencesOf([[0, 1, 2, 3]], ITEMS) }),
      null,
    ))!;
    const { width } = shape;
    for (let row = 4; row < ITEMS; row++)
      expect(weights["items"]!.slice(row * width, (row + 1) * width)).toEqual(weights["unknown"]);
    expect(weights["items"]!.slice(0, width)).not.toEqual(weights["unknown"]);
  });
});

/** The same items with other categories, as many of them. */
function recategorised() {
  const other = createCatalog();
  extend(
    other,
    Array.from({ length: ITEMS }, (_, row) =>
      upsert(itemOf(row), NOW, { categories: [`c${(row >> 1) % 3}`] }),
    ),
  );
  return other;
}
