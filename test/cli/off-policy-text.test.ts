/** What `upnext off-policy` prints. */
import { expect, test } from "vitest";
import { offPolicyText } from "../../src/cli/off-policy-text.ts";
import type { BundleId } from "../../src/core/index.ts";
import { type LoggedSlots, offPolicy } from "../../src/evaluation/index.ts";
import type { OffPolicyReport } from "../../src/release/index.ts";

/** Two slots of each of 400 requests; every other one has the target's item. */
function reportOf(propensity: number, model: boolean): OffPolicyReport {
  const n = 800;
  const slots: LoggedSlots = {
    users: Int32Array.from({ length: n }, (_, i) => i >> 2),
    requests: Int32Array.from({ length: n }, (_, i) => i >> 1),
    positions: Int32Array.from({ length: n }, (_, i) => i % 2),
    propensities: new Float64Array(n).fill(propensity),
    targets: Float64Array.from({ length: n }, (_, i) => ((i >> 1) % 2 === 0 ? 1 : 0)),
  };
  const rewards = Float64Array.from({ length: n }, (_, i) => (i % 4 === 0 ? 1 : 0));
  const half = new Float64Array(n).fill(0.5);
  const action = { name: "click", rewards, ...(model && { model: { logged: half, target: half } }) };
  return {
    bundle: "9c1f0e5a77b2d410" as BundleId,
    withoutPropensities: 0,
    before: 0,
    examination: null,
    ...offPolicy(slots, [action], { resamples: 20, seed: "text" }),
  };
}

test("a report is a table of actions, and what speaks against it", () => {
  const lines = offPolicyText(reportOf(0.5, true)).split("\n");
  expect(lines[0]).toBe(
    "bundle 9c1f0e5a77b2d410: 400 requests of 200 users, 800 slots, 800 of them left to chance",
  );
  expect(lines[1]).toBe(
    "the bundle would show the same in 400 of them, which say as much as 400 of equal weight",
  );
  expect(lines[3]).toMatch(/^a request +logged +IPS +SNIPS +DR +DR - logged$/);
  expect(lines[4]).toMatch(/^click +0\.5000 ±0\.0000 +1\.0000 ±/);
  expect(lines.at(-1)).toBe("nothing speaks against these figures");
});

test("a log without chance is said to be no ground for any figure, and DR without a ranker is left empty", () => {
  const text = offPolicyText(reportOf(1, false));
  expect(text).toMatch(/do not trust these figures:\n {2}Nothing was left to chance/);
  expect(text).toMatch(/^click( +\d\.\d{4} ±\d\.\d{4}){3}$/m);
});
