/**
 * What another policy would have earned, from a log that another one made by chance: each slot counts as much as the
 * target policy would have put its item there, divided by how likely it was that the logging policy did.
 *
 * The model of a slate is the item-position model (Li et al. 2018): what a slot earns depends on the request, its item
 * and its position, not on the other slots. So slots are weighted one by one, by the marginal probability of the item at
 * the position, and a request earns the sum of its slots.
 *
 *   IPS    sum of w r, w = target / propensity (Horvitz and Thompson 1952): unbiased, of large variance
 *   SNIPS  within each position sum of w r / sum of w (Swaminathan and Joachims 2015): what falls short of weight by
 *          chance is made up for
 *   DR     the model's reward of the target's item + w (r - the model's reward of the logged item) (Dudík et al. 2011):
 *          unbiased if propensities are right or the model is, and of little variance where the model is good
 */
import { BOOTSTRAP, type BootstrapEstimate, type BootstrapSettings, bootstrap } from "./bootstrap.ts";
import { codesOf } from "./codes.ts";
import { type Overlap, type Verdict, verdictOn } from "./overlap.ts";

/** Logged slots as columns, in any order. */
export interface LoggedSlots {
  /** (N) any number per user: intervals are over users */
  readonly users: Int32Array;
  /** (N) any number per request */
  readonly requests: Int32Array;
  /** (N) 0-based */
  readonly positions: Int32Array;
  /** (N) probability with which the logging policy showed this item here, over 0 to 1 */
  readonly propensities: Float64Array;
  /** (N) probability with which the target policy would; 0 or 1 where it leaves nothing to chance */
  readonly targets: Float64Array;
}

/** What users did with the slots, and what a model would have expected. */
export interface SlotRewards {
  readonly name: string;
  /** (N) */
  readonly rewards: Float64Array;
  /** (N) the model's reward of the logged item here, and of what the target shows here; none: no DR. */
  readonly model?: { readonly logged: Float64Array; readonly target: Float64Array };
}

export interface OffPolicySettings extends BootstrapSettings {
  /** Larger weights count as this: less variance, and a bias towards 0 (in DR: towards the model). */
  readonly clip?: number;
}

const ESTIMATORS = ["ips", "snips", "dr"] as const;
type Estimator = (typeof ESTIMATORS)[number];

/** Per request. `dr` is null without a model. */
export interface ValueEstimates {
  readonly name: string;
  /** What was earned by what was shown. */
  readonly logged: BootstrapEstimate;
  readonly values: Readonly<Record<Estimator, BootstrapEstimate | null>>;
  /** Target minus logged, on the same resamples. */
  readonly lifts: Readonly<Record<Estimator, BootstrapEstimate | null>>;
}

export interface OffPolicyEstimates {
  readonly overlap: Overlap;
  readonly verdict: Verdict;
  readonly actions: readonly ValueEstimates[];
}

/** Estimates for each kind of reward. Takes a second for 50,000 slots and four rewards. */
export function offPolicy(
  slots: LoggedSlots,
  actions: readonly SlotRewards[],
  { clip = Number.POSITIVE_INFINITY, ...settings }: OffPolicySettings = BOOTSTRAP,
): OffPolicyEstimates {
  const weights = weightsOf(slots, clip);
  const requests = firstSlots(slots.requests);
  const { size: users, codes } = codesOf(slots.users);
  const sums = new Sums(slots, actions, weights.clipped, weights.raw, requests, codes);
  const estimates = bootstrap(users, sums.size, (counts, out) => sums.measure(counts, out), settings);
  const overlap = {
    requests: requests.reduce((sum, first) => sum + first, 0),
    slots: slots.users.length,
    users,
    byChance: slots.propensities.reduce((sum, chance) => sum + (chance < 1 - 1e-9 ? 1 : 0), 0),
    matched: weights.matched,
    effectiveSlots: weights.effective,
    meanWeight: estimates[0]!,
    largestShare: weights.largestShare,
    clippedShare: weights.clippedShare,
  };
  return {
    overlap,
    verdict: verdictOn(overlap),
    actions: actions.map(({ name, model }, action) => {
      const [logged, ...rest] = estimates.slice(1 + action * PER_ACTION, 1 + (action + 1) * PER_ACTION);
      const three = (from: number) => ({
        ips: rest[from]!,
        snips: rest[from + 1]!,
        dr: model === undefined ? null : rest[from + 2]!,
      });
      return { name, logged: logged!, values: three(0), lifts: three(ESTIMATORS.length) };
    }),
  };
}

function weightsOf({ targets, propensities }: LoggedSlots, clip: number) {
  const n = targets.length;
  const raw = new Float64Array(n);
  const clipped = new Float64Array(n);
  let sum = 0;
  let squares = 0;
  let largest = 0;
  let before = 0;
  let matched = 0;
  for (let i = 0; i < n; i++) {
    raw[i] = targets[i]! / propensities[i]!;
    const weight = Math.min(clip, raw[i]!);
    clipped[i] = weight;
    before += raw[i]!;
    sum += weight;
    squares += weight * weight;
    largest = Math.max(largest, weight);
    if (weight > 0) matched++;
  }
  return {
    raw,
    clipped,
    matched,
    effective: squares === 0 ? 0 : (sum * sum) / squares,
    largestShare: sum === 0 ? 0 : largest / sum,
    clippedShare: before === 0 ? 0 : 1 - sum / before,
  };
}

/** (N) 1 at one slot of each request. */
function firstSlots(requests: Int32Array): Uint8Array {
  const known = new Set<number>();
  return Uint8Array.from(requests, (request) => {
    const first = !known.has(request);
    known.add(request);
    return first ? 1 : 0;
  });
}

/** Logged value, three estimates, three lifts. */
const PER_ACTION = 1 + 2 * ESTIMATORS.length;

/** The estimates as functions of how often each user counts. */
class Sums {
  readonly size: number;
  private readonly slots: LoggedSlots;
  private readonly actions: readonly SlotRewards[];
  private readonly weights: Float64Array;
  private readonly raw: Float64Array;
  private readonly firsts: Uint8Array;
  private readonly codes: Int32Array;
  /** (positions) slots, and their weights */
  private readonly shown: Float64Array;
  private readonly weight: Float64Array;
  /** (actions x positions) weighted rewards */
  private readonly earned: Float64Array;
  private readonly logged: Float64Array;
  private readonly robust: Float64Array;
  /** [action] (N) what a slot adds to DR; empty without a model */
  private readonly terms: readonly Float64Array[];

  constructor(
    slots: LoggedSlots,
    actions: readonly SlotRewards[],
    weights: Float64Array,
    raw: Float64Array,
    firsts: Uint8Array,
    codes: Int32Array,
  ) {
    this.size = 1 + actions.length * PER_ACTION;
    this.slots = slots;
    this.actions = actions;
    this.weights = weights;
    this.raw = raw;
    this.firsts = firsts;
    this.codes = codes;
    const positions = slots.positions.reduce((most, position) => Math.max(most, position + 1), 0);
    this.shown = new Float64Array(positions);
    this.weight = new Float64Array(positions);
    this.earned = new Float64Array(positions * actions.length);
    this.logged = new Float64Array(actions.length);
    this.robust = new Float64Array(actions.length);
    this.terms = actions.map(({ rewards, model }) =>
      model === undefined
        ? new Float64Array(0)
        : rewards.map((reward, i) => model.target[i]! + weights[i]! * (reward - model.logged[i]!)),
    );
  }

  /** Writes the mean weight, then for each action PER_ACTION values per request. */
  measure(counts: Uint8Array, out: Float64Array): void {
    const { requests, mean } = this.sum(counts);
    out[0] = mean;
    const positions = this.shown.length;
    for (let action = 0; action < this.actions.length; action++) {
      const at = 1 + action * PER_ACTION;
      const earned = this.earned.subarray(action * positions, (action + 1) * positions);
      const logged = this.logged[action]! / requests;
      out[at] = logged;
      out[at + 1] = total(earned) / requests;
      out[at + 2] = selfNormalised(earned, this.weight, this.shown) / requests;
      out[at + 3] = this.robust[action]! / requests;
      for (let i = 1; i <= ESTIMATORS.length; i++) out[at + ESTIMATORS.length + i] = out[at + i]! - logged;
    }
  }

  private sum(counts: Uint8Array): { readonly requests: number; readonly mean: number } {
    const { shown, weight, earned, logged, robust, actions, codes, weights } = this;
    const { positions } = this.slots;
    for (const sums of [shown, weight, earned, logged, robust]) sums.fill(0);
    let requests = 0;
    let slots = 0;
    let raw = 0;
    for (let i = 0; i < codes.length; i++) {
      const count = counts[codes[i]!]!;
      if (count === 0) continue;
      const position = positions[i]!;
      requests += count * this.firsts[i]!;
      slots += count;
      raw += count * this.raw[i]!;
      shown[position]! += count;
      weight[position]! += count * weights[i]!;
      for (let action = 0; action < actions.length; action++) {
        const reward = count * actions[action]!.rewards[i]!;
        logged[action]! += reward;
        earned[action * shown.length + position]! += weights[i]! * reward;
        if (this.terms[action]!.length > 0) robust[action]! += count * this.terms[action]![i]!;
      }
    }
    return { requests, mean: raw / slots };
  }
}

/** Sum over positions of (slots there) x (weighted mean reward there); where a position has no weight, that of all. */
function selfNormalised(earned: Float64Array, weight: Float64Array, shown: Float64Array): number {
  const overall = total(earned) / total(weight);
  let sum = 0;
  for (let position = 0; position < shown.length; position++) {
    const mean = weight[position]! > 0 ? earned[position]! / weight[position]! : overall;
    sum += shown[position]! * mean;
  }
  return sum;
}

function total(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
