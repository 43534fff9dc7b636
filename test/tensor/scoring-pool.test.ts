/** Models on other threads: the numbers of the caller's own thread, whatever becomes of a thread. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import { RANKING_ARCHITECTURES, rankingServing } from "../../src/models/index.ts";
import {
  compileServing,
  type Feeds,
  Graph,
  itemScorer,
  LIST,
  loadModel,
  type Model,
  neg,
  openScoringPool,
  type ScoringPool,
  unpackList,
} from "../../src/tensor/index.ts";
import { FirstLook } from "../../src/tensor/shortlist.ts";
import { anyRequests, anyWeights, smallShape } from "../models/any-ranking.ts";

const pools: ScoringPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function poolOf(threads: number): ScoringPool {
  const pool = openScoringPool(threads);
  pools.push(pool);
  return pool;
}

function bytesOf(architecture: (typeof RANKING_ARCHITECTURES)[number]): Uint8Array {
  const graph = new Graph();
  const outputs = rankingServing(graph, smallShape(architecture));
  return compileServing(outputs, anyWeights(graph, new Random(architecture)));
}

const TRANSFORMER = bytesOf("transformer");

function inputsFor(model: Model, size: number, seed = size): Feeds {
  const all = anyRequests(smallShape("transformer"), { size }, new Random(seed));
  return Object.fromEntries(Object.entries(all).filter(([name]) => model.inputNames.includes(name)));
}

/** The threads themselves, which are nobody else's business. */
const workersOf = (pool: ScoringPool): readonly Worker[] =>
  Object(pool).places.flatMap((thread: { worker: Worker } | undefined) => (thread ? [thread.worker] : []));

/**
 * Asks for a slot that there is not, by which the thread ends. To terminate it in the middle of ONNX Runtime's code may
 * take the whole process along.
 */
function end(worker: Worker): Promise<unknown> {
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  worker.postMessage(99);
  return ended;
}

async function until(what: () => boolean): Promise<void> {
  for (let waited = 0; !what() && waited < 10_000; waited += 5) await sleep(5);
  expect(what()).toBe(true);
}

describe("a model on other threads", () => {
  it.each(RANKING_ARCHITECTURES)("computes what %s computes in the caller's, to the bit", async (name) => {
    const bytes = bytesOf(name);
    const [here, there] = [await loadModel(bytes), await poolOf(1).load(bytes)];
    expect([there.inputNames, there.outputNames]).toEqual([here.inputNames, here.outputNames]);
    for (const size of [1, 7, 500]) {
      const inputs = inputsFor(here, size);
      expect(await there.run(inputs)).toEqual(await here.run(inputs));
    }
    await here.close();
  });

  it("gives many callers at once each its own answer, on several threads with several models", async () => {
    const pool = poolOf(3);
    const models = [TRANSFORMER, bytesOf("feature-network")];
    const [here, there] = await Promise.all([
      Promise.all(models.map((bytes) => loadModel(bytes))),
      Promise.all(models.map((bytes) => pool.load(bytes))),
    ]);
    const random = new Random("callers");
    await Promise.all(
      Array.from({ length: 200 }, async (_, call) => {
        const which = random.int(2);
        const inputs = inputsFor(here[which]!, 1 + random.int(40), call);
        expect(await there[which]!.run(inputs)).toEqual(await here[which]!.run(inputs));
      }),
    );
    expect(pool.figures()).toEqual({ alive: 3, threads: 3, waiting: 0, calls: 200, died: 0 });
    for (const model of here) await model.close();
  });

  it("takes inputs that are larger than a slot, and outputs that are", async () => {
    const [here, there] = [await loadModel(TRANSFORMER), await poolOf(1).load(TRANSFORMER)];
    for (const size of [8_000, 3, 16_000]) {
      const inputs = inputsFor(here, size);
      expect(await there.run(inputs)).toEqual(await here.run(inputs));
    }
    await here.close();
  });

  it("lists what is near its output among vectors that change, also on a thread that came later", async () => {
    const pool = poolOf(1);
    const graph = new Graph();
    const bytes = compileServing({ users: neg(graph.input("user", "float32", [1, 8])) }, {});
    const model = await pool.load(bytes);
    const random = new Random("near");
    const drawn = (n: number) => Float32Array.from({ length: n }, () => random.normal());
    const scorer = itemScorer({ factors: drawn(9_000 * 8), N: 9_000, k: 8, capacity: 9_100 });
    const feed = scorer.feed(3)!;
    const expectListed = async () => {
      const user = drawn(8);
      const outputs = await model.run({ user: { data: user.map((value) => -value), dims: [1, 8] } });
      expect([...(outputs["users"]!.data as Float32Array)]).toEqual([...user]);
      const here = new FirstLook(feed.all());
      here.put(feed.all());
      expect(unpackList(outputs[LIST]!.data as Int32Array)).toEqual(here.shortlist(user));
    };
    expect(await model.run({ user: { data: drawn(8), dims: [1, 8] } })).not.toHaveProperty(LIST);
    model.listFrom!(feed);
    await expectListed();
    for (let row = 8_950; row < 9_050; row++) scorer.set(row, drawn(8));
    await expectListed();
    await end(workersOf(pool)[0]!);
    await until(() => pool.figures().alive === 1);
    await expectListed();
    scorer.set(3, drawn(8));
    await expectListed();
  });

  it("does not let the caller's thread compute", async () => {
    const pool = poolOf(1);
    const model = await pool.load(TRANSFORMER);
    const inputs = inputsFor(model, 20_000);
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    await model.run(inputs);
    clearInterval(counting);
    expect(turns).toBeGreaterThan(5);
  });

  it("says what it expected where a feed is missing, unknown, or of another shape", async () => {
    const model = await poolOf(1).load(TRANSFORMER);
    const inputs = inputsFor(model, 4);
    const { request, ...missing } = inputs;
    await expect(model.run(missing)).rejects.toMatchObject({ code: "internal" });
    await expect(model.run({ ...inputs, more: request! })).rejects.toThrow("more");
    const wide = { data: new Float32Array(5), dims: [1, 5] };
    await expect(model.run({ ...inputs, request: wide })).rejects.toThrow(/request.*expected.*came/);
    expect(await model.run(inputs)).toHaveProperty("logits");
  });

  it("refuses what is no model, by name", async () => {
    const pool = poolOf(2);
    await expect(pool.load(new Uint8Array(100))).rejects.toMatchObject({ code: "bundle_corrupt" });
    expect(await pool.load(TRANSFORMER)).toHaveProperty("run");
  });

  it("answers nothing once it is closed, and frees itself on the threads only when its calls have ended", async () => {
    const pool = poolOf(1);
    const model = await pool.load(TRANSFORMER);
    const running = Array.from({ length: 5 }, () => model.run(inputsFor(model, 500)));
    await model.close();
    await expect(model.run(inputsFor(model, 1))).rejects.toMatchObject({ code: "closed" });
    expect((await Promise.allSettled(running)).map(({ status }) => status)).toEqual(
      new Array(5).fill("fulfilled"),
    );
    await pool.close();
    await pool.close();
    await expect(pool.load(TRANSFORMER)).rejects.toMatchObject({ code: "closed" });
  });

  it("does not begin what nobody waits for any more", async () => {
    const pool = poolOf(1);
    const model = await pool.load(TRANSFORMER);
    const inputs = inputsFor(model, 5_000);
    let asked = 0;
    const expired = () => ++asked > 0;
    const calls = [inputs, inputs, inputs, inputs].map((each) => model.run(each, { expired }));
    const first = model.run(inputs);
    // The first of them found free threads: those were not waited for, but were asked all the same.
    await expect(Promise.any(calls)).rejects.toThrow();
    expect(asked).toBe(4);
    expect(await first).toHaveProperty("logits");
  });
});

describe("where a thread ends", () => {
  it("its calls are rejected at once, another takes its place, and computes the same", async () => {
    const pool = poolOf(1);
    const model = await pool.load(TRANSFORMER);
    const inputs = inputsFor(model, 20_000);
    const ended = end(workersOf(pool)[0]!);
    const calls = Array.from({ length: 6 }, () => model.run(inputs));
    const settled = Promise.allSettled(calls);
    await ended;
    const failed = (await settled).filter(({ status }) => status === "rejected");
    expect(failed.length).toBeGreaterThan(0);
    for (const { reason } of failed as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({
        code: "internal",
        message: expect.stringContaining("thread has ended"),
      });
    }
    // Until then nobody waits.
    await expect(model.run(inputsFor(model, 1))).rejects.toMatchObject({ code: "internal" });
    await until(() => pool.figures().alive === 1);
    const here = await loadModel(TRANSFORMER);
    expect(await model.run(inputs)).toEqual(await here.run(inputs));
    expect(pool.figures()).toMatchObject({ died: 1, waiting: 0 });
    await here.close();
  });

  it("the others go on with what waits", async () => {
    const pool = poolOf(2);
    const model = await pool.load(TRANSFORMER);
    const ended = end(workersOf(pool)[0]!);
    const calls = Array.from({ length: 40 }, (_, seed) => model.run(inputsFor(model, 300, seed)));
    const settled = Promise.allSettled(calls);
    await ended;
    const answered = (await settled).filter(({ status }) => status === "fulfilled");
    expect(answered.length).toBeGreaterThanOrEqual(38);
    await until(() => pool.figures().alive === 2);
  });
});
