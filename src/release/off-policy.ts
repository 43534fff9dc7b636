/**
 * What a bundle would have earned, by the log of what others showed with some chance: each logged request is computed
 * again with the bundle, as of its own moment, and where the bundle would show the same item in the same slot, what
 * users did with it counts, by how unlikely it was that it was shown.
 */
import type { Catalog } from "../catalog/index.ts";
import type { BundleId, Clock, EpochMs, ItemRow, Ms, Offset, Progress } from "../core/index.ts";
import {
  type BootstrapEstimate,
  examinationByPropensity,
  type LoggedSlots,
  type OffPolicyEstimates,
  type OffPolicySettings,
  offPolicy,
} from "../evaluation/index.ts";
import { ACTIONS, actionsOf, type EventLog } from "../events/index.ts";
import {
  type Bases,
  type PathResult,
  type PathSettings,
  RankingCost,
  type RecommendRequest,
  runPath,
  type ServingModels,
  servingModels,
  startingFolds,
} from "../pipeline/index.ts";
import type { Registry } from "../registry/index.ts";
import type { StateLimits, StateStore } from "../state/index.ts";
import { type LoggedSlate, loggedSlates, slotsOf } from "./logged-slates.ts";

export interface OffPolicyParts {
  readonly log: EventLog;
  readonly registry: Registry;
  readonly snapshots: Bases;
  readonly limits: StateLimits;
  readonly settings: PathSettings;
  readonly progress: Progress;
}

export interface OffPolicyReport extends OffPolicyEstimates {
  readonly bundle: BundleId;
  /** Impressions that could not be used: slots without propensities, or from before the bundle had learnt. */
  readonly withoutPropensities: number;
  readonly before: number;
  /** (positions) how much of the first position's attention each has; null where nothing was shown by chance. */
  readonly examination: readonly BootstrapEstimate[] | null;
}

/**
 * Rejects with `no_bundle`, with `not_enough_data` where the log has no propensities since the bundle learnt, with
 * `unknown_request` where retention has dropped what they saw, and with what loading the bundle rejects with.
 *
 * @param count requests, the newest
 */
export async function judgeByLog(
  bundle: BundleId,
  count: number,
  parts: OffPolicyParts,
  settings?: OffPolicySettings,
): Promise<OffPolicyReport> {
  const { log, registry, progress } = parts;
  const opened = await registry.open(bundle);
  progress.step("find logged slates");
  const { slates, ...left } = await loggedSlates(log, opened.manifest.logOffset, count);
  progress.step("compute them again", slates.length, "requests");
  const columns = new Columns();
  await atTheirMoments(slates, parts, async ({ catalog, load, ...moment }, slate) => {
    const models = await load(() => servingModels(opened, catalog));
    const path = await computed(slate, catalog, models, moment, parts.settings);
    columns.add(slate, path, catalog, models);
    progress.update(columns.requests);
  });
  const { slots, rewards } = columns.finish();
  const estimates = offPolicy(slots, rewards, settings);
  return {
    bundle,
    ...left,
    ...estimates,
    examination:
      estimates.overlap.byChance === 0
        ? null
        : examinationByPropensity(
            { users: slots.users, positions: slots.positions, clicks: rewards[0]!.rewards },
            slots.propensities,
            settings,
          ),
  };
}

interface Moment {
  readonly catalog: Catalog;
  readonly store: StateStore;
  readonly clock: Clock;
  /** Makes the models at the first moment, and closes them after the last. */
  readonly load: (make: () => Promise<ServingModels>) => Promise<ServingModels>;
}

/** One pass over the log, which stops where a slate was made. */
async function atTheirMoments(
  slates: readonly LoggedSlate[],
  { log, limits, snapshots }: OffPolicyParts,
  visit: (moment: Moment, slate: LoggedSlate) => Promise<void>,
): Promise<void> {
  let time = 0;
  const clock: Clock = { now: () => time as EpochMs, monotonic: () => 0 as Ms };
  const { catalog, store } = await startingFolds(log, slates[0]!.moment, limits, clock, snapshots);
  let models: ServingModels | undefined;
  const load = async (make: () => Promise<ServingModels>) => {
    models ??= await make();
    return models;
  };
  let next = 0;
  const stop = async (until: Offset) => {
    for (; next < slates.length && slates[next]!.moment <= until; next++) {
      time = slates[next]!.impression.time;
      await visit({ catalog, store, clock, load }, slates[next]!);
    }
  };
  try {
    for await (const batch of log.read(Math.min(catalog.applied, store.applied) as Offset)) {
      for (let from = 0; from < batch.length && next < slates.length; ) {
        await stop(batch[from]!.offset);
        const moment = slates[next]?.moment ?? log.end;
        const found = batch.findIndex(({ offset }, at) => at > from && offset >= moment);
        const to = found < 0 ? batch.length : found;
        // A base may have states that are newer than its catalog: each skips what it has.
        await store.apply(batch.slice(from, to));
        catalog.apply(batch.slice(from, to));
        from = to;
      }
      if (next === slates.length) break;
    }
    await stop(log.end);
  } finally {
    await models?.close();
    await store.close();
  }
}

/** The request of a slate with these models and nothing left to chance. */
async function computed(
  { impression }: LoggedSlate,
  catalog: Catalog,
  models: ServingModels,
  { store, clock }: Omit<Moment, "catalog" | "load">,
  settings: PathSettings,
): Promise<PathResult> {
  const { user, request, surface, device, context } = impression;
  const limit = impression.slots.reduce((most, { position }) => Math.max(most, position + 1), 0);
  const asked = {
    ...(Object(context?.request) as Partial<RecommendRequest>),
    user,
    request,
    ...(surface !== undefined && { surface }),
    ...(device !== undefined && { device }),
  };
  return runPath(asked, limit, Number.POSITIVE_INFINITY as Ms, {
    catalog,
    models,
    clock,
    cost: new RankingCost(),
    settings: { ...settings, policy: { ...settings.policy, explore: 0 } },
    readState: async () => ({ state: await store.read(user), stale: () => false, release() {} }),
  });
}

/** Slots as columns while they come. */
class Columns {
  requests = 0;
  private readonly userCodes = new Map<string, number>();
  private readonly users: number[] = [];
  private readonly requestOfSlot: number[] = [];
  private readonly positions: number[] = [];
  private readonly propensities: number[] = [];
  private readonly targets: number[] = [];
  private readonly actions: number[] = [];
  /** [action] what the ranker expects of the logged item and of its own; [] where it has no such head */
  private readonly expected = ACTIONS.map(() => ({ logged: [] as number[], target: [] as number[] }));

  add({ impression, answers }: LoggedSlate, path: PathResult, catalog: Catalog, models: ServingModels): void {
    const { user } = impression;
    const code = this.userCodes.get(user) ?? this.userCodes.size;
    this.userCodes.set(user, code);
    const places = new Map<number, number>();
    for (let i = 0; i < path.candidates.rows.length; i++) places.set(path.candidates.rows[i]!, i);
    for (const { item, position, propensity } of slotsOf(impression)) {
      const row = catalog.rowOf(item);
      const ranked = path.slate.order[position];
      const own = ranked === undefined ? undefined : path.ranked[ranked];
      this.users.push(code);
      this.requestOfSlot.push(this.requests);
      this.positions.push(position);
      this.propensities.push(propensity);
      this.targets.push(own !== undefined && path.candidates.rows[own] === row ? 1 : 0);
      this.actions.push(
        answers
          .filter((answer) => answer.item === item)
          .reduce(
            (bits, { type, value }) => bits | actionsOf(type, value ?? Number.NaN, secondsOf(catalog, row)),
            0,
          ),
      );
      this.expect(path, models, row === undefined ? undefined : places.get(row), own);
    }
    this.requests++;
  }

  private expect(
    path: PathResult,
    models: ServingModels,
    logged: number | undefined,
    own: number | undefined,
  ): void {
    for (let action = 0; action < ACTIONS.length; action++) {
      const head = models.ranker?.heads.indexOf(ACTIONS[action]!.name) ?? -1;
      const probabilities = path.heads[head];
      if (probabilities === undefined) continue;
      const expected = this.expected[action]!;
      // Of an item that is no candidate now, the least that a candidate is thought of is a guess.
      const least = probabilities.reduce((lowest, value) => Math.min(lowest, value), 1);
      expected.logged.push(logged === undefined ? least : probabilities[logged]!);
      expected.target.push(own === undefined ? 0 : probabilities[own]!);
    }
  }

  finish() {
    const slots: LoggedSlots = {
      users: Int32Array.from(this.users),
      requests: Int32Array.from(this.requestOfSlot),
      positions: Int32Array.from(this.positions),
      propensities: Float64Array.from(this.propensities),
      targets: Float64Array.from(this.targets),
    };
    return {
      slots,
      rewards: ACTIONS.map(({ name }, action) => {
        const rewards = Float64Array.from(this.actions, (bits) => (bits >> action) & 1);
        const { logged, target } = this.expected[action]!;
        // DR needs an expectation for every slot: without a ranker, or where one request was not ranked, there is none.
        if (logged.length < rewards.length || rewards.length === 0) return { name, rewards };
        const scale = byPosition(slots.positions, rewards, logged);
        const atPosition = (values: number[]) =>
          Float64Array.from(values, (value, i) => value * scale[slots.positions[i]!]!);
        return { name, rewards, model: { logged: atPosition(logged), target: atPosition(target) } };
      }),
    };
  }
}

function secondsOf(catalog: Catalog, row: ItemRow | undefined): number {
  return row === undefined ? Number.NaN : catalog.items.duration[row]!;
}

/** (positions) what was earned there for each unit that the ranker expected: it knows no positions. */
function byPosition(positions: Int32Array, rewards: Float64Array, expected: readonly number[]): Float64Array {
  const size = positions.reduce((most, position) => Math.max(most, position + 1), 0);
  const earned = new Float64Array(size);
  const hoped = new Float64Array(size);
  for (let i = 0; i < positions.length; i++) {
    earned[positions[i]!]! += rewards[i];
    hoped[positions[i]!]! += expected[i];
  }
  return earned.map((sum, position) => (hoped[position]! > 0 ? sum / hoped[position]! : 0));
}
