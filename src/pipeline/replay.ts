/**
 * Computes a logged request again, from the log and the bundle alone, and from a base where the log has been cut off:
 * the same features and scores to the bit.
 */
import { type Catalog, createCatalog } from "../catalog/index.ts";
import { type BundleId, type Clock, ManualClock, type Ms, type Offset, UpnextError } from "../core/index.ts";
import type { EventLog, Impression } from "../events/index.ts";
import type { Registry } from "../registry/index.ts";
import type { Snapshots } from "../snapshots/index.ts";
import { memoryStore, type StateLimits, type StateStore, writeStates } from "../state/index.ts";
import { RankingCost } from "./budget.ts";
import { Follower } from "./follower.ts";
import type { PathSettings } from "./path-parts.ts";
import type { RecommendRequest } from "./recommender.ts";
import { type PathResult, runPath } from "./request-path.ts";
import { servingModels, untrainedModels } from "./serving-models.ts";

/** Where the folds of a moment can begin, so that the log need not begin at 0. */
export type Bases = Pick<Snapshots, "base">;

/**
 * Rejects with `unknown_request` where the impression has no context or retention has dropped what it saw, `no_bundle`
 * where the bundle that served it is gone, and with what `servingModels` rejects with.
 *
 * @param impression one that upnext wrote
 * @param settings those of the instance that served it
 * @param snapshots where a base is looked for, so that the log need not begin at 0
 * @returns what the request computed. Its rung is "full" wherever there was a ranker: a replay is never late
 */
export async function replayRequest(
  log: EventLog,
  registry: Registry,
  impression: Impression,
  limits: StateLimits,
  settings: PathSettings & { readonly limit: number },
  snapshots?: Bases,
): Promise<PathResult> {
  const { context, model, time } = impression;
  if (context === undefined) {
    throw new UpnextError(
      "unknown_request",
      "replay: expected an impression that upnext wrote, with its context; this one came from elsewhere",
    );
  }
  const clock = new ManualClock(time);
  const { catalog, store } = await startingFolds(log, context.offset, limits, clock, snapshots);
  const follower = new Follower(until(log, context.offset), catalog, store);
  await follower.reached(context.offset);
  const models =
    model === undefined
      ? await untrainedModels(catalog)
      : await servingModels(await registry.open(model as BundleId), catalog);
  try {
    // Exploration draws by the id, which the sender may have left to the instance.
    const request = { ...(context.request as RecommendRequest), request: impression.request };
    return await runPath(request, request.limit ?? settings.limit, Number.POSITIVE_INFINITY as Ms, {
      catalog,
      models,
      clock,
      cost: new RankingCost(),
      settings,
      readState: () => follower.read(impression.user),
    });
  } finally {
    await models.close();
    await store.close();
  }
}

/**
 * The folds of the newest base that the request's moment is not before; empty ones where the whole log is there. Rejects
 * with `unknown_request` where retention has dropped what that moment saw.
 */
export async function startingFolds(
  log: EventLog,
  offset: Offset,
  limits: StateLimits,
  clock: Clock,
  snapshots: Bases | undefined,
): Promise<{ readonly catalog: Catalog; readonly store: StateStore }> {
  const store = memoryStore({ limits, clock });
  const base = await snapshots?.base({ from: log.first, through: offset });
  if (base !== undefined) {
    await writeStates(store, base.states());
    await store.skipTo(base.offset);
    return { catalog: await base.catalog(), store };
  }
  if (log.first === 0) return { catalog: createCatalog(), store };
  throw new UpnextError(
    "unknown_request",
    `replay: expected a request whose past is still known, got one of offset ${offset}: retention has dropped the events before ${log.first}, and no whole snapshot from there on has the states of that moment`,
  );
}

/** The log as it was when its end was `end`. */
function until(log: EventLog, end: Offset): EventLog {
  return {
    first: log.first,
    end,
    append: (events) => log.append(events),
    async *read(from) {
      for await (const batch of log.read(from)) {
        const kept = batch.filter(({ offset }) => offset < end);
        if (kept.length > 0) yield kept;
        if (kept.length < batch.length) return;
      }
    },
    close: async () => {},
  };
}
