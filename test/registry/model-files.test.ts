/** Models as the files of a bundle and back, through a real registry; and files that are not what they should be. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EpochMs, type Offset, systemClock } from "../../src/core/index.ts";
import {
  type Bundle,
  type BundleModels,
  decodeModels,
  encodeModels,
  openFileRegistry,
  type RankerFiles,
  type Registry,
} from "../../src/registry/index.ts";

let directory: string;
let registry: Registry;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "upnext-models-"));
  registry = await openFileRegistry(directory, { clock: systemClock });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function bundleOf(files: Readonly<Record<string, Uint8Array>>): Promise<Bundle> {
  const about = {
    createdAt: 0 as EpochMs,
    logOffset: 0 as Offset,
    seed: 1,
    itemCount: 3,
    fingerprint: "f",
    config: null,
    metrics: null,
  };
  return registry.open(await registry.publish(about, files));
}

/** The models of the bundle; the ranker's bytes as plain arrays, whatever the registry read them into. */
function modelsOf(bundle: Bundle): BundleModels {
  const { ranker, cheaperRanker, ...rest } = decodeModels(bundle);
  const plain = (files: RankerFiles | null) =>
    files && { ...files, models: files.models.map((m) => new Uint8Array(m)) };
  return { ...rest, ranker: plain(ranker), cheaperRanker: plain(cheaperRanker) };
}

const models: BundleModels = {
  items: ["a", "b", "ü/\n\"'", ""],
  features: { schema: { sources: ["near"] } },
  sources: {
    near: {
      offsets: Int32Array.of(0, -1, 2 ** 31 - 1),
      strengths: Float32Array.of(0.1, Number.NaN, -Infinity, -0),
      none: new Float32Array(0),
    },
    "with-dash": {
      bytes: Uint8Array.of(0, 255),
      counts: Uint32Array.of(2 ** 32 - 1),
      times: Float64Array.of(0.1, 1e300),
    },
  },
  ranker: {
    header: { name: "ensemble", heads: ["engage"], fingerprint: "f" },
    models: [Uint8Array.of(1, 2, 3), Uint8Array.of(4)],
    golden: {
      inputs: {
        request: { type: "float32", dims: [1, 1], data: [0.5] },
        items: { type: "int32", dims: [1, 2], data: [7, 0] },
      },
      probabilities: [
        [0.25, 0.75],
        [0.5, 1e-9],
      ],
    },
  },
  cheaperRanker: {
    header: { name: "logistic", heads: ["engage"], fingerprint: "f" },
    models: [Uint8Array.of(5)],
    golden: { inputs: {}, probabilities: [[0.5]] },
  },
};

describe("models", () => {
  it("have the networks of sources as ONNX files under their own names", async () => {
    const sources = { deep: { "reader.onnx": Uint8Array.of(8, 7, 6), shape: Int32Array.of(1) } };
    const files = encodeModels({ ...models, sources });
    expect(Object.keys(files)).toContain("sources/deep/reader.onnx");
    const { deep } = decodeModels(await bundleOf(files)).sources;
    expect(Array.from(deep!["reader.onnx"]!)).toEqual([8, 7, 6]);
    expect(deep!["shape"]).toEqual(Int32Array.of(1));
  });

  it("come out of a bundle as they went in, every type of column to the bit", async () => {
    const decoded = modelsOf(await bundleOf(encodeModels(models)));
    expect(decoded).toEqual(models);
    expect(Object.is(decoded.sources["near"]!["strengths"]![3], -0)).toBe(true);
  });

  it("come out without a ranker where there was none, and without sources", async () => {
    const few: BundleModels = { items: [], features: null, sources: {}, ranker: null, cheaperRanker: null };
    expect(decodeModels(await bundleOf(encodeModels(few)))).toEqual(few);
  });

  it("take a part of a larger array for that part alone", async () => {
    const whole = Float32Array.of(1, 2, 3, 4);
    const files = encodeModels({ ...models, sources: { near: { part: whole.subarray(1, 3) } } });
    whole.fill(9, 0, 1);
    expect(decodeModels(await bundleOf(files)).sources).toEqual({ near: { part: Float32Array.of(2, 3) } });
  });

  it("come out without a copy, but where their bytes are not aligned", async () => {
    const files = encodeModels(models);
    const bundle = await bundleOf(files);
    const name = Object.keys(files).find((file) => file.startsWith("sources/near/offsets"))!;
    const bytes = bundle.file(name);
    expect(decodeModels(bundle).sources["near"]!["offsets"]!.buffer).toBe(bytes.buffer);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const file = (asked: string) => (asked === name ? shifted.subarray(1) : bundle.file(asked));
    expect(modelsOf({ ...bundle, file })).toEqual(models);
  });

  it("are the same files from the same models", () => {
    expect(encodeModels(models)).toEqual(encodeModels(structuredClone(models)));
    expect(Object.keys(encodeModels(models))).toEqual([
      "items.json",
      "features.json",
      "sources/near/offsets.int32",
      "sources/near/strengths.float32",
      "sources/near/none.float32",
      "sources/with-dash/bytes.uint8",
      "sources/with-dash/counts.uint32",
      "sources/with-dash/times.float64",
      "ranker.json",
      "ranker-0.onnx",
      "ranker-1.onnx",
      "golden.json",
      "cheaper-ranker.json",
      "cheaper-ranker-0.onnx",
      "cheaper-golden.json",
    ]);
  });

  it("have as many networks of a ranker as there were, in their order", async () => {
    const many = Array.from({ length: 12 }, (_, i) => Uint8Array.of(i, 255 - i));
    const files = encodeModels({ ...models, ranker: { ...models.ranker!, models: many } });
    expect(modelsOf(await bundleOf(files)).ranker!.models).toEqual(many);
  });
});

describe("a bundle is refused by the name of the file", () => {
  const good = encodeModels(models);
  const text = (value: string) => Buffer.from(value);
  const without = (name: string) =>
    Object.fromEntries(Object.entries(good).filter(([file]) => file !== name));
  const golden = (items: unknown) => text(JSON.stringify({ inputs: { items }, probabilities: [[0.5]] }));
  const ofGolden = ["bundle_corrupt", /golden\.json: expected inputs and probabilities/] as const;

  it.each<readonly [string, Readonly<Record<string, Uint8Array>>, string, RegExp]>([
    [
      "items are not JSON",
      { ...good, "items.json": text("[") },
      "bundle_corrupt",
      /items\.json: expected JSON/,
    ],
    [
      "items are not a list",
      { ...good, "items.json": text("{}") },
      "bundle_corrupt",
      /items\.json: expected a list/,
    ],
    [
      "an item is not text",
      { ...good, "items.json": text('["a",1]') },
      "bundle_corrupt",
      /items\.json: .* ids/,
    ],
    ["items are not there", without("items.json"), "bundle_incompatible", /expected a file "items\.json"/],
    [
      "a column is cut within a value",
      { ...good, "sources/near/offsets.int32": new Uint8Array(7) },
      "bundle_corrupt",
      /sources\/near\/offsets\.int32: expected a multiple of 4 bytes, got 7/,
    ],
    [
      "a column has a type that is not known",
      { ...good, "sources/near/offsets.int16": new Uint8Array(4) },
      "bundle_corrupt",
      /offsets\.int16: expected one of the types float32, .*, got int16/,
    ],
    [
      "a column has a type that every object has",
      { ...good, "sources/near/offsets.constructor": new Uint8Array(4) },
      "bundle_corrupt",
      /offsets\.constructor: expected one of the types float32, .*, got constructor/,
    ],
    [
      "the ranker has no model",
      without("ranker-0.onnx"),
      "bundle_incompatible",
      /expected a file "ranker-0\.onnx"/,
    ],
    ["the ranker has no golden scores", without("golden.json"), "bundle_incompatible", /"golden\.json"/],
    [
      "the header is not JSON",
      { ...good, "ranker.json": text("") },
      "bundle_corrupt",
      /ranker\.json: expected JSON/,
    ],
    [
      "golden scores are null",
      { ...good, "golden.json": text("null") },
      "bundle_corrupt",
      /golden\.json: expected/,
    ],
    ["golden scores have no inputs", { ...good, "golden.json": text('{"probabilities":[]}') }, ...ofGolden],
    [
      "golden scores have one row for all heads",
      { ...good, "golden.json": text('{"inputs":{},"probabilities":[0.5]}') },
      ...ofGolden,
    ],
    [
      "a golden input has a type that networks do not read",
      { ...good, "golden.json": golden({ type: "float64", dims: [1], data: [1] }) },
      ...ofGolden,
    ],
    [
      "a golden input has no shape",
      { ...good, "golden.json": golden({ type: "float32", data: [1] }) },
      ...ofGolden,
    ],
    [
      "a golden input has something that is no number",
      { ...good, "golden.json": golden({ type: "int32", dims: [1], data: [null] }) },
      ...ofGolden,
    ],
  ])("where %s", async (_, files, code, message) => {
    const bundle = await bundleOf(files);
    const decoding = () => decodeModels(bundle);
    expect(decoding).toThrow(message);
    expect(decoding).toThrow(expect.objectContaining({ code }));
  });
});
