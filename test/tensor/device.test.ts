/** Where sessions run: the CPU, another device where there is one, and a message where there is none. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

const feeds = { x: { data: Float32Array.of(1, 2), dims: [2] } };

function bytes(): Uint8Array {
  const graph = new t.Graph();
  return t.compileServing({ y: t.mul(graph.input("x", "float32", ["N"]), 3) }, {});
}

/** This machine may have a GPU or not: where it has none, the reason is said. */
function expectDevice(device: t.DeviceUsed): void {
  if ("insteadOf" in device) {
    expect(device).toEqual({
      name: "cpu",
      insteadOf: "webgpu",
      reason: expect.stringMatching(/^\S.{10,}\S$/),
    });
  } else expect(device).toEqual({ name: "webgpu" });
}

describe("device", () => {
  test("is the CPU unless told, with spinning threads and without", async () => {
    for (const options of [{}, { device: "cpu" }, { threads: 2, spinning: true }] as const) {
      const model = await t.loadModel(bytes(), options);
      expect(model.device).toEqual({ name: "cpu" });
      expect((await model.run(feeds))["y"]!.data).toEqual(Float32Array.of(3, 6));
      await model.close();
    }
  });

  test("is the one asked for, or the CPU with the reason, and the results are the same", async () => {
    const model = await t.loadModel(bytes(), { device: "webgpu" });
    expectDevice(model.device);
    expect((await model.run(feeds))["y"]!.data).toEqual(Float32Array.of(3, 6));
    await model.close();
  });

  test("is the same for training", async () => {
    const graph = new t.Graph({ training: true });
    const w = graph.parameter("w", [2], t.ones);
    const training = await t.compileTraining({
      loss: t.sum(t.mul(graph.input("x", "float32", [2]), w)),
      optimizer: t.adamW(),
      random: new Random(1),
      device: "webgpu",
    });
    expectDevice(training.device);
    expect((await training.step(feeds, { learningRate: 0.5 })).loss).toBeCloseTo(3, 5);
    expect(training.weights()["w"]![0]).toBeCloseTo(0.5, 3);
    await training.close();
  });

  test("that is not there hides no broken model", async () => {
    const broken = t.loadModel(Uint8Array.of(1, 2, 3), { device: "webgpu" });
    await expect(broken).rejects.toMatchObject({ code: "bundle_corrupt" });
  });
});
