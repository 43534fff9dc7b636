import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ManualClock, type Ms, systemClock } from "../../src/core/index.ts";
import {
  Admission,
  type Grant,
  type Job,
  LATE_AFTER,
  type Rejection,
} from "../../src/serving/admission/admission.ts";
import { ConcurrencyLimit } from "../../src/serving/admission/concurrency-limit.ts";
import type { Lane } from "../../src/serving/admission/lanes.ts";

const BUDGET = 50 as Ms;
/** Requests that may be worked on at once before anything is known. */
const FIRST_LIMIT = new ConcurrencyLimit().value;

/** A line whose jobs tell what became of them, over a clock that moves only when told to. */
function world(maxWaiting = 1000) {
  const clock = new ManualClock();
  const rejections: Rejection[] = [];
  const waits: number[] = [];
  const admission = new Admission({
    clock,
    budgetMs: BUDGET,
    maxWaiting,
    metrics: {
      observeWait: (_lane, ms) => waits.push(ms),
      countRejection: (reason) => rejections.push(reason),
    },
  });
  const started: (Grant & { readonly name: string })[] = [];
  const refused: string[] = [];
  function enter(name: string, lane: Lane = "interactive", budget: Ms = BUDGET, gone = () => false): void {
    const job: Job = {
      lane,
      since: clock.monotonic(),
      budget,
      gone,
      start: (grant) => void started.push({ name, ...grant }),
      refuse: () => refused.push(name),
    };
    admission.enter(job);
  }
  /** Turns of the loop in each of which `cost` milliseconds pass, and what was started is answered. */
  async function turns(count: number, cost = 0): Promise<void> {
    for (let i = 0; i < count; i++) {
      const before = started.length;
      await nextTurn();
      if (started.length === before) continue;
      clock.advance(cost);
      for (const { done } of started.slice(before)) done();
    }
  }
  const names = () => started.map(({ name }) => name);
  return { clock, admission, enter, turns, started, names, refused, rejections, waits };
}

describe("the line of requests", () => {
  it("answers one a turn of the event loop, in the order in which they came", async () => {
    const { enter, turns, names } = world();
    for (let i = 0; i < 5; i++) enter(`r${i}`);
    await turns(3);
    expect(names()).toEqual(["r0", "r1", "r2"]);
    await turns(3);
    expect(names()).toEqual(["r0", "r1", "r2", "r3", "r4"]);
  });

  it("knows its depth and the age of the oldest one", async () => {
    const { clock, admission, enter, turns } = world();
    enter("a");
    clock.advance(7);
    enter("b");
    expect(admission.figures().lanes.interactive).toMatchObject({ depth: 2, age: 7, atOnce: 0 });
    await turns(2);
    expect(admission.figures().lanes.interactive).toMatchObject({ depth: 0, age: 0, atOnce: 0 });
  });

  it("shares turns by weight while every lane has work, so that none starves", async () => {
    const { enter, turns, names } = world();
    for (let i = 0; i < 200; i++)
      for (const lane of ["interactive", "write", "background"] as const) enter(lane, lane);
    await turns(160);
    const turnsOf = (lane: string) => names().filter((name) => name === lane).length;
    expect([turnsOf("interactive"), turnsOf("write"), turnsOf("background")]).toEqual([120, 30, 10]);
  });

  it("gives a lane that was empty no turns for the time in which it asked for none", async () => {
    const { enter, turns, names } = world();
    for (let i = 0; i < 100; i++) enter("interactive");
    await turns(50);
    for (let i = 0; i < 20; i++) enter("write", "write");
    await turns(15);
    expect(
      names()
        .slice(50)
        .filter((name) => name === "write").length,
    ).toBeLessThanOrEqual(4);
  });

  it("works on no more at once than the limit, and goes on when one is answered", async () => {
    const { admission, enter, started } = world();
    for (let i = 0; i < 10; i++) enter("m", "background");
    for (let i = 0; i < 20; i++) await nextTurn();
    expect(started).toHaveLength(4);
    started[0]!.done();
    started[0]!.done();
    for (let i = 0; i < 5; i++) await nextTurn();
    expect(started).toHaveLength(5);
    expect(admission.figures().lanes.background).toMatchObject({ atOnce: 4, limit: 4, depth: 5 });
  });

  it("drops who has gone away, without a turn", async () => {
    const { enter, turns, names, rejections } = world();
    for (let i = 0; i < 5; i++) enter("gone", "interactive", BUDGET, () => true);
    enter("here");
    await turns(1);
    expect(names()).toEqual(["here"]);
    expect(rejections).toEqual(Array(5).fill("gone"));
  });
});

describe("pressure", () => {
  it("is on who has waited for three fifths of the budget, and on nobody before", async () => {
    const { clock, enter, turns, started } = world();
    enter("early");
    clock.advance(LATE_AFTER * BUDGET - 1);
    enter("late");
    await turns(1);
    clock.advance(LATE_AFTER * BUDGET);
    await turns(1);
    expect(started.map(({ name, pressure }) => [name, pressure])).toEqual([
      ["early", 0],
      ["late", 1],
    ]);
  });

  it("is on sooner where full answers take long, so that they are in time", async () => {
    const { clock, enter, turns, started } = world();
    // 30 ms a full answer, of a budget of 50: who has waited for 20 would be late.
    for (let i = 0; i < 30; i++) {
      enter("slow");
      await turns(2, 30);
    }
    for (const waited of [19, 20]) {
      enter(`${waited}`);
      clock.advance(waited);
      await turns(1);
      started.at(-1)!.done();
    }
    expect(started.slice(-2).map(({ name, pressure }) => [name, pressure])).toEqual([
      ["19", 0],
      ["20", 1],
    ]);
  });

  it("is on sooner still while many get a cheap answer", async () => {
    const { clock, enter, turns, started } = world();
    for (let i = 0; i < 30; i++) {
      enter("slow");
      await turns(2, 30);
    }
    // 18 ms of 50 leave time for 30, and for noise only where nobody else is late.
    for (const waited of [18, 30, 30, 30, 30, 30, 30, 18]) {
      enter(`${waited}`);
      clock.advance(waited);
      await turns(1);
      started.at(-1)!.done();
    }
    expect(started.slice(-8).map(({ pressure }) => pressure)).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
  });

  it("is not on for long after a pause", async () => {
    const { clock, enter, turns, started } = world();
    enter("pause");
    await turns(2, 10_000);
    for (let i = 0; i < 150; i++) {
      enter("quick");
      await turns(2, 5);
    }
    enter("waited");
    clock.advance(0.3 * BUDGET);
    await turns(1);
    expect(started.at(-1)).toMatchObject({ name: "waited", pressure: 0 });
  });

  it("leaves full answers for as many as there is time for, at four times what can be answered in full", async () => {
    const { clock, admission, started, rejections, waits } = world();
    // A full answer takes 4 ms, a cheap one 0.4; one comes each millisecond.
    let next = 0;
    let end = 0;
    while (clock.monotonic() < 4000) {
      for (; next <= clock.monotonic(); next++) {
        if (admission.refusalOf("interactive") !== undefined) continue;
        const since = next as Ms;
        admission.enter({
          lane: "interactive",
          since,
          budget: BUDGET,
          gone: () => false,
          refuse: () => {},
          start(grant) {
            clock.advance(grant.pressure === 1 ? 0.4 : 4);
            started.push({ name: "", ...grant });
            end = Math.max(end, clock.monotonic() - since);
            grant.done();
          },
        });
      }
      const before = started.length;
      await nextTurn();
      if (started.length === before) clock.advance(1);
    }
    const full = started.filter(({ pressure }) => pressure === 0).length;
    expect(rejections).toEqual([]);
    expect(end).toBeLessThan(BUDGET);
    expect(Math.max(...waits)).toBeLessThan(LATE_AFTER * BUDGET + 8);
    // f full and 1 - f cheap fill the time where f · 4 + (1 - f) · 0.4 = 1: a sixth.
    expect(full / started.length).toBeGreaterThan(0.14);
    expect(full / started.length).toBeLessThan(0.18);
    expect(admission.figures().pressure).toBeGreaterThan(0.5);
  });
});

describe("turns to compute", () => {
  /** Full requests that have started and want to compute; `order` says whose turn has come, and how. */
  function computing() {
    const made = world();
    const order: string[] = [];
    const ask = async ({ name, turn }: (typeof made.started)[number]) => {
      order.push(`${name} ${await turn()}`);
    };
    return { ...made, order, ask };
  }

  it("come one a turn of the event loop, which reads what has come in between", async () => {
    const { enter, turns, started, order, ask } = computing();
    for (const name of ["a", "b"]) enter(name);
    await turns(2);
    for (const job of started) void ask(job);
    const seen: number[] = [];
    for (let i = 0; i < 3; i++) {
      await nextTurn();
      seen.push(order.length);
    }
    expect(order).toEqual(["a 0", "b 0"]);
    expect(seen.slice(0, 2)).toContain(1);
  });

  it("come to the oldest request first, whoever asked first", async () => {
    const { clock, enter, turns, started, order, ask } = computing();
    for (const name of ["old", "young"]) {
      enter(name);
      clock.advance(1);
    }
    await turns(2);
    for (const job of started.toReversed()) void ask(job);
    for (let i = 0; i < 3; i++) await nextTurn();
    expect(order).toEqual(["old 0", "young 0"]);
  });

  it("keep others in the line, where their age is seen, while two wait for one", async () => {
    const { enter, turns, started, names, order, ask } = computing();
    for (const name of ["a", "b", "c", "d"]) enter(name);
    await turns(4);
    // All at once, as when a thread has answered them; a turn later, three of them still wait.
    for (const job of started) void ask(job);
    enter("e");
    await nextTurn();
    expect([order, names()]).toEqual([["a 0"], ["a", "b", "c", "d"]]);
    for (let i = 0; i < 5; i++) await nextTurn();
    expect([order, names()]).toEqual([
      ["a 0", "b 0", "c 0", "d 0"],
      ["a", "b", "c", "d", "e"],
    ]);
  });

  it("come with pressure to who waited too long for one, several beside one who is not late", async () => {
    const { clock, enter, turns, started, order, ask } = computing();
    for (const name of ["a", "b"]) enter(name);
    await turns(2);
    clock.advance(LATE_AFTER * BUDGET);
    enter("c");
    await turns(1);
    for (const job of started) void ask(job);
    await nextTurn();
    await nextTurn();
    expect(order).toEqual(["a 1", "b 1", "c 0"]);
  });

  it("make requests that are read after a computation as old as it is at most", async () => {
    const { clock, admission } = world();
    expect(admission.turns.arrivedAt()).toBe(clock.monotonic());
    const began = clock.monotonic();
    await admission.turns.take(began, () => false);
    clock.advance(8);
    expect(admission.turns.arrivedAt()).toBe(began);
    await nextTurn();
    await nextTurn();
    expect(admission.turns.arrivedAt()).toBe(clock.monotonic());
  });
});

describe("refusal", () => {
  it("comes before the body where the line is full", () => {
    const { admission, enter } = world(3);
    for (let i = 0; i < 3; i++) enter(`r${i}`);
    expect(admission.refusalOf("interactive")).toBe("line_full");
    expect(admission.refusalOf("write")).toBeUndefined();
    expect(admission.refusalOf(undefined)).toBeUndefined();
  });

  it("comes where even cheap answers would be too late, and ends when the line is shorter", async () => {
    const { clock, admission, enter, turns } = world();
    for (let i = 0; i < 240; i++) enter(`r${i}`);
    clock.advance(30);
    await turns(30, 2);
    // Two milliseconds a turn of four and 120 in the line: sixty, of which 35 would be in time.
    expect(admission.refusalOf("interactive")).toBe("too_late");
    expect(admission.clearedIn("interactive")).toBeGreaterThan(40);
    await turns(25, 2);
    expect(admission.refusalOf("interactive")).toBeUndefined();
  });

  it("reaches who waits while the recommender stands still, without another request", async () => {
    const clock = systemClock;
    const rejections: string[] = [];
    const admission = new Admission({
      clock,
      budgetMs: 5 as Ms,
      maxWaiting: 1000,
      metrics: { observeWait() {}, countRejection: (reason) => rejections.push(reason) },
    });
    let refused = 0;
    for (let i = 0; i < 30; i++) {
      admission.enter({
        lane: "interactive",
        since: clock.monotonic(),
        budget: 5 as Ms,
        gone: () => false,
        start() {},
        refuse: () => void refused++,
      });
    }
    await expect.poll(() => refused).toBe(30 - FIRST_LIMIT);
    expect(admission.figures().lanes.interactive).toMatchObject({ depth: 0, atOnce: FIRST_LIMIT });
    expect(new Set(rejections)).toEqual(new Set(["expired"]));
  });
});

describe("the limit on requests at once", () => {
  /** A server whose requests take 5 ms, four times as long where sixteen are at once on four threads. */
  function among(limit: ConcurrencyLimit, threads: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const atOnce = limit.value;
      limit.observe((5 * Math.max(1, atOnce / threads)) as Ms, atOnce);
    }
  }

  it("grows while requests take as long as among few", () => {
    const limit = new ConcurrencyLimit();
    for (let i = 0; i < 8; i++) limit.observe(5 as Ms, 1);
    among(limit, 1000, 500);
    expect(limit.value).toBeGreaterThan(100);
  });

  it("settles near the number that does not slow each other down, and stays there", () => {
    const limit = new ConcurrencyLimit();
    for (let i = 0; i < 8; i++) limit.observe(5 as Ms, 1);
    for (let i = 0; i < 20; i++) {
      among(limit, 8, 1000);
      if (limit.value === 4) continue;
      expect(limit.value).toBeGreaterThanOrEqual(8);
      expect(limit.value).toBeLessThan(20);
    }
  });

  it("comes down when requests wait for each other, and lets a few through alone now and then", () => {
    const limit = new ConcurrencyLimit();
    for (let i = 0; i < 8; i++) limit.observe(5 as Ms, 1);
    among(limit, 1000, 500);
    const seen = new Set<number>();
    for (let i = 0; i < 1500; i++) {
      among(limit, 8, 1);
      seen.add(limit.value);
    }
    expect(limit.value).toBeLessThan(20);
    expect(seen.has(4)).toBe(true);
  });

  it("learns nothing while it is not in the way", () => {
    const limit = new ConcurrencyLimit();
    const before = limit.value;
    for (let i = 0; i < 1000; i++) limit.observe(5 as Ms, 1);
    expect(limit.value).toBe(before);
  });
});
