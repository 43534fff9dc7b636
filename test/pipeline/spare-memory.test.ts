/** Memory that one request uses after the other: nobody sees what another request wrote. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SpareMemory, systemClock } from "../../src/core/index.ts";
import type { PathResult } from "../../src/pipeline/index.ts";
import { createWorld, request, slateOf, user, type World } from "./world.ts";

describe("spare memory", () => {
  it("gives what was given back, the smallest that is large enough", () => {
    const memory = new SpareMemory();
    const [small, large] = [memory.take(10), memory.take(300_000)];
    memory.giveBack(large);
    memory.giveBack(small);
    expect(memory.take(1_000)).toBe(small);
    expect(memory.take(1_000)).toBe(large);
  });

  it("never has two users of one memory", () => {
    const memory = new SpareMemory();
    const first = memory.take(100);
    expect(memory.take(100)).not.toBe(first);
    memory.giveBack(first);
    expect(memory.take(100)).toBe(first);
    expect(memory.take(100)).not.toBe(first);
  });

  it("makes new memory, with room to grow, where none is large enough", () => {
    const memory = new SpareMemory();
    memory.giveBack(memory.take(100));
    const larger = memory.take(100_000);
    memory.giveBack(larger);
    expect(memory.take(100_100)).toBe(larger);
  });

  it("keeps a limited number", () => {
    const memory = new SpareMemory();
    const given = new Set(Array.from({ length: 100 }, () => memory.take(1)));
    for (const one of given) memory.giveBack(one);
    const again = Array.from({ length: 100 }, () => memory.take(1)).filter((one) => given.has(one));
    expect(again.length).toBeGreaterThan(0);
    expect(again.length).toBeLessThan(100);
  });
});

describe("requests", () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.close());

  const all = { budget: Number.POSITIVE_INFINITY };
  /** What is to be the same: a copy, since memory is given back. */
  const told = (path: PathResult) => ({
    rung: path.rung,
    slate: slateOf(path, world.catalog),
    allowed: path.mask.allowed.slice(),
    features: path.features?.candidates.slice(),
    heads: path.heads,
  });

  it("are answered alike in memory of their own and in each other's, at the same time too", async () => {
    const users = Array.from({ length: 12 }, (_, i) => user(`u${i}`));
    const alone = await Promise.all(users.map((of) => request(world, { user: of }, all)));
    const memory = new SpareMemory();
    const used = new Set<ArrayBuffer>();
    const one = async (at: number) => {
      // Rules of its own leave another mask behind.
      const other = await request(world, { user: users[at]!, include: [] }, { ...all, memory });
      other.giveBack();
      const path = await request(world, { user: users[at]! }, { ...all, memory });
      used.add(path.mask.allowed.buffer);
      expect(told(path)).toEqual(told(alone[at]!));
      path.giveBack();
    };
    for (let at = 0; at < users.length; at++) await one(at);
    expect(used.size).toBeLessThan(users.length);
    await Promise.all(users.map((_, at) => one(at)));
  });

  it("that a ranker was late for leave it the features that it still reads", async () => {
    const memory = new SpareMemory();
    const ranker = world.models.ranker!;
    let goOn = (): void => {};
    const others = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let read: Promise<unknown> = Promise.resolve();
    const slow: typeof ranker.score = (input, options) => {
      const before = input.features.candidates.slice();
      read = others.then(() => expect(input.features.candidates).toEqual(before));
      return read.then(() => ranker.score(input, options));
    };
    const models = { ...world.models, ranker: { ...ranker, score: slow }, cheaperRanker: null };
    const late = await request(
      world,
      { user: user("u1") },
      { memory, models, clock: systemClock, budget: 50 },
    );
    expect(late.rung).toBe("retrieval-order");
    late.giveBack();
    for (const name of ["u2", "u3"]) await request(world, { user: user(name) }, { ...all, memory });
    goOn();
    await read;
  });
});
