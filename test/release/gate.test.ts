/** A good bundle, broken in every way: each is refused by its own name, and what is as good as the current one is not. */
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BundleId, Offset } from "../../src/core/index.ts";
import type { BundleModels, Manifest, RankerFiles } from "../../src/registry/index.ts";
import { type CheckName, type GateReport, gate, refusals } from "../../src/release/index.ts";
import { type RingWorld, ringWorld, STEPS, walks } from "./ring-world.ts";

let world: RingWorld;
let good: BundleId;
beforeAll(async () => {
  world = await ringWorld();
  good = await world.made({});
}, 60_000);
afterAll(() => world.close());

const check = ({ checks }: GateReport, name: CheckName) => checks.find((one) => one.name === name)!;
const codes = (report: GateReport) => refusals(report).map(({ code }) => code);

async function against(current: BundleId | null, candidate: BundleId, more = {}): Promise<GateReport> {
  const report = await gate(candidate, current, world.parts(more));
  expect(JSON.parse(JSON.stringify(report)), "a verdict is JSON").toEqual(report);
  expect(report.checks.map(({ name }) => name)).toEqual([
    "integrity",
    "schema",
    "items",
    "dimension",
    "finite",
    "golden",
    "requests",
    "scores",
    "latency",
    "quality",
  ]);
  return report;
}

describe("a bundle in a directory without one", () => {
  it("is accepted by the checks that need no other", async () => {
    const report = await against(null, good);
    expect(report).toMatchObject({ bundle: good, against: null, accepted: true, loads: true });
    expect(check(report, "quality")).toMatchObject({ passed: null });
    expect(report.checks.filter(({ passed }) => passed === null)).toHaveLength(1);
  });

  it("is refused where it misses the objective, with both numbers", async () => {
    const report = await against(null, good, { slo: { p99Ms: 0.01 } });
    expect(codes(report)).toEqual(["bundle_too_slow"]);
    expect(refusals(report)[0]!.message).toMatch(
      /expected a P99 of at most 0\.01 ms, got a P99 of \d+\.\d+ ms/,
    );
  });

  it("has no scores to look at where it has no ranker", async () => {
    const report = await against(null, await world.made({}, {}, (models) => ({ ...models, ranker: null })));
    expect(report.accepted).toBe(true);
    expect(check(report, "scores")).toMatchObject({
      passed: null,
      came: "not asked: the bundle has no ranker",
    });
  });
});

describe("a broken bundle", () => {
  const edited = (change: (models: BundleModels) => BundleModels) => world.made({}, {}, change);
  const swapped = ({ items, ...models }: BundleModels) => {
    const [first, second, ...rest] = items;
    return { ...models, items: [second!, first!, ...rest] };
  };
  const ranker = (change: Partial<RankerFiles>) =>
    edited((models) => ({ ...models, ranker: { ...models.ranker!, ...change } }));
  const otherGolden = ({ golden: { inputs, probabilities } }: RankerFiles): RankerFiles["golden"] => ({
    inputs,
    probabilities: probabilities.map((column) => column.map((p) => p / 2)),
  });
  const cases: readonly (readonly [string, CheckName, string, () => Promise<BundleId>])[] = [
    ["NaN in its weights", "finite", "bundle_not_finite", () => world.made({ constant: Number.NaN })],
    [
      "a network of other columns",
      "dimension",
      "bundle_wrong_dimension",
      () => world.made({ extraColumns: 3 }),
    ],
    ["items in other rows", "items", "bundle_item_map_mismatch", () => edited(swapped)],
    ["one score for everything", "scores", "bundle_constant_scores", () => world.made({ constant: -2 })],
    [
      "other golden scores",
      "golden",
      "bundle_golden_mismatch",
      () =>
        edited((models) => ({
          ...models,
          ranker: { ...models.ranker!, golden: otherGolden(models.ranker!) },
        })),
    ],
    [
      "other features",
      "schema",
      "bundle_incompatible",
      () => world.made({}, { fingerprint: "0123456789abcdef" }),
    ],
    [
      "a network that is none",
      "integrity",
      "bundle_corrupt",
      () => ranker({ models: [Uint8Array.of(1, 2, 3)] }),
    ],
    ["ten times the work", "latency", "bundle_too_slow", () => world.made({ work: 512 })],
    ["noise that costs some 5 % of NDCG", "quality", "bundle_worse", () => world.made({ noise: 0.1 })],
  ];

  it.each(cases)("with %s is refused at %s as %s", async (_, name, code, make) => {
    const report = await against(good, await make());
    expect(report.accepted).toBe(false);
    expect(codes(report)).toEqual([code]);
    expect(check(report, name).passed).toBe(false);
    const [{ message } = new Error()] = refusals(report);
    expect(message).toMatch(new RegExp(`^bundle ${report.bundle}: ${name}: expected .+, got .+\\. .+`));
  });

  it("with a truncated file is refused as corrupt, with the file's name", async () => {
    const id = await world.made({});
    await truncate(join(world.directory, id, "ranker-0.onnx"), 100);
    const report = await against(good, id);
    expect(codes(report)).toEqual(["bundle_corrupt"]);
    expect(check(report, "integrity").came).toMatch(/file "ranker-0\.onnx" expected \d+ bytes, got 100/);
    expect(report).toMatchObject({ accepted: false, loads: false });
    expect(check(report, "quality")).toMatchObject({
      passed: null,
      came: "not asked: integrity was refused",
    });
  });

  it("that is current is nothing to compare with: who comes is judged as the first", async () => {
    const broken = await world.made({ extraColumns: 1 });
    const report = await against(broken, good);
    expect(report).toMatchObject({ accepted: true, against: null });
  });

  it("is one that is there: without one, there is nothing to judge", async () => {
    const nothing = gate("0".repeat(16) as BundleId, good, world.parts());
    await expect(nothing).rejects.toMatchObject({ code: "no_bundle" });
  });
});

describe("a bundle that is as good as the current one", () => {
  it.each([
    ["equal", 0],
    ["a little worse within noise", 0.02],
  ])("is accepted: %s", async (_, noise) => {
    const report = await against(good, await world.made({ noise }));
    expect(codes(report)).toEqual([]);
    expect(report.accepted).toBe(true);
    expect(check(report, "quality").evidence).toMatchObject({ basis: "seen" });
  });

  it("is accepted where it is much better", async () => {
    const worse = await world.made({ noise: 0.3 });
    expect((await against(worse, good)).accepted).toBe(true);
  });

  it("may cost twice the time of a simpler rung, under the objective", async () => {
    const simple = await world.made({ name: "simple" });
    const report = await against(simple, await world.made({ work: 384 }));
    expect(codes(report)).toEqual([]);
    expect(check(report, "latency").evidence).toMatchObject({ allowedRatio: 8 });
  });
});

describe("the comparison is made on", () => {
  const earlier = (share: number): Partial<Manifest> => ({
    logOffset: Math.floor(share * world.log.end) as Offset,
  });
  const quality = async (current: BundleId, candidate: BundleId, more = {}) =>
    check(await against(current, candidate, more), "quality");

  it("what came after both were trained, where that is enough", async () => {
    const current = await world.made({}, earlier(0.2));
    const candidate = await world.made({ noise: 0.1 }, earlier(0.3));
    expect(await quality(current, candidate)).toMatchObject({ passed: false, evidence: { basis: "unseen" } });
  });

  it("what the training held out and the current bundle has not seen, as the training measured it", async () => {
    const { heldOut } = world;
    const current = await world.made({ older: true }, earlier(0.5));
    const { passed, evidence } = await quality(current, good, { heldOut });
    expect({ passed, evidence }).toMatchObject({
      passed: true,
      evidence: { basis: "held-out", examples: heldOut.examples.length },
    });
    // Twice as far down as it was: a training that went wrong, whatever the bundle says of what it has seen.
    const worse = { ...heldOut, ranks: heldOut.ranks.map((rank) => 2 * rank) };
    expect(await quality(current, good, { heldOut: worse })).toMatchObject({
      passed: false,
      evidence: { basis: "held-out", than: "the current bundle" },
    });
  });

  it("what the training measured of itself: the bundle must do that at least", async () => {
    const { heldOut } = world;
    const current = await world.made({ older: true, noise: 1 }, earlier(0.5));
    const candidate = await world.made({ noise: 0.3 });
    expect(await quality(current, candidate, { heldOut })).toMatchObject({
      passed: false,
      evidence: { basis: "held-out", than: "what its own training measured" },
    });
  });

  it("the manifests, where there is nothing else; where they have nothing either, that is said", async () => {
    const figure = (mean: number): Partial<Manifest> => ({
      ...earlier(0.5),
      metrics: { examples: 4_000, systems: [{ name: "two-stage", "ndcg@10": mean, "ndcg@10±": 0.004 }] },
    });
    const current = await world.made({}, figure(0.2));
    const now = { logOffset: world.log.end as Offset };
    const worse = await world.made({}, { ...figure(0.18), ...now });
    const noise = await world.made({}, { ...figure(0.196), ...now });
    expect(await quality(current, worse)).toMatchObject({ passed: false, evidence: { basis: "manifests" } });
    expect(await quality(current, noise)).toMatchObject({ passed: true, evidence: { basis: "manifests" } });
    const silentOne = await world.made({}, { metrics: null });
    expect(await quality(current, silentOne)).toMatchObject({ passed: null });
  });

  it("nothing that one of them has seen and the other not", async () => {
    const before = world.log.end;
    await world.append(walks(STEPS, STEPS + 10));
    const fresh = { logOffset: world.log.end as Offset, metrics: null };
    const found = await quality(good, await world.made({}, fresh));
    expect([found.passed, found.evidence]).toEqual([null, {}]);
    const still = await quality(good, await world.made({}, { logOffset: before as Offset }));
    expect(still.evidence).toMatchObject({ basis: "unseen" });
  });
});
