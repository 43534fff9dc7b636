/** Checks of what is to be started; what is left out gets its default. All throw `invalid_request`. */
import { UpnextError } from "../core/index.ts";
import { nearest } from "../events/index.ts";
import {
  type Arm,
  DEFAULT_METRIC,
  DEFAULT_SMALLEST,
  type Definition,
  type ExperimentStart,
} from "./experiment.ts";
import { METRICS } from "./outcomes.ts";

/** As it stands in an address and in a file. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MOST_CANDIDATES = 10_000;
const MOST_SLOTS = 500;
const LARGEST_WEIGHT = 1_000;
const LEAST_SHARE = 0.001;

export type Checked = Pick<Definition, "name" | "arms" | "metric" | "smallest" | "about">;

/** @param heads that rankers have */
export function checkStart(start: ExperimentStart, heads: readonly string[]): Checked {
  const { name, arms, metric = DEFAULT_METRIC, smallest = DEFAULT_SMALLEST, about = "" } = start;
  checkName("name", name);
  if (!Array.isArray(arms) || arms.length !== 2) throw invalid("arms: expected two of them");
  for (const [i, arm] of arms.entries()) checkArm(`arms[${i}]`, arm, heads);
  if (arms[0].name === arms[1].name) throw invalid("arms: expected two names, got one twice");
  if (arms[0].share + arms[1].share > 1 + 1e-9) throw invalid("arms: expected shares of at most 1 together");
  if (settingsIn(arms[0]) === settingsIn(arms[1])) {
    throw invalid(
      "arms: expected two that differ, got the same twice; give one a bundle, headWeights, policy or candidates",
    );
  }
  checkKnown(
    "metric",
    metric,
    METRICS.map((known) => known.name),
  );
  checkNumber("smallest", smallest, 0.001, 1);
  if (typeof about !== "string" || about.length > 1_000) {
    throw invalid("about: expected a text of at most 1000 characters");
  }
  return { name, arms, metric, smallest, about };
}

function checkArm(where: string, arm: Arm, heads: readonly string[]): void {
  checkName(`${where}.name`, arm.name);
  checkNumber(`${where}.share`, arm.share, LEAST_SHARE, 1);
  for (const [head, weight] of Object.entries(arm.headWeights ?? {})) {
    checkKnown(`${where}.headWeights`, head, heads);
    checkNumber(`${where}.headWeights.${head}`, weight, -LARGEST_WEIGHT, LARGEST_WEIGHT);
  }
  const { diversity, explore, maxPerCreator } = arm.policy ?? {};
  if (diversity !== undefined) checkNumber(`${where}.policy.diversity`, diversity, 0, 1);
  if (explore !== undefined) checkNumber(`${where}.policy.explore`, explore, 0, 1);
  if (maxPerCreator !== undefined)
    checkInteger(`${where}.policy.maxPerCreator`, maxPerCreator, 0, MOST_SLOTS);
  if (arm.candidates !== undefined) checkInteger(`${where}.candidates`, arm.candidates, 1, MOST_CANDIDATES);
}

/** Settings that both arms have as names, one of which may be in one running experiment alone. */
export function settingsNamed({ arms }: Pick<Definition, "arms">): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { bundle, headWeights = {}, policy = {}, candidates } of arms) {
    if (bundle !== undefined) names.add("bundle");
    if (candidates !== undefined) names.add("candidates");
    for (const head of Object.keys(headWeights)) names.add(`headWeights.${head}`);
    for (const rule of Object.keys(policy)) names.add(`policy.${rule}`);
  }
  return names;
}

function settingsIn({ bundle, headWeights = {}, policy = {}, candidates }: Arm): string {
  const sorted = (values: object) => Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([bundle, sorted(headWeights), sorted(policy), candidates]);
}

function checkName(where: string, name: unknown): void {
  if (typeof name === "string" && NAME.test(name)) return;
  throw invalid(
    `${where}: expected 1 to 64 letters, digits, dots, hyphens or underscores, a letter or digit first`,
  );
}

function checkKnown(where: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const close = nearest(name, known);
  throw invalid(
    `${where}: expected one of ${known.join(", ")}${close === undefined ? "" : `; did you mean "${close}"?`}`,
  );
}

function checkNumber(where: string, value: unknown, least: number, most: number): void {
  if (typeof value === "number" && value >= least && value <= most) return;
  throw invalid(`${where}: expected a number from ${least} to ${most}, got ${String(value)}`);
}

function checkInteger(where: string, value: unknown, least: number, most: number): void {
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return;
  throw invalid(`${where}: expected an integer from ${least} to ${most}, got ${String(value)}`);
}

function invalid(message: string): UpnextError {
  return new UpnextError("invalid_request", `experiment: ${message}`);
}
