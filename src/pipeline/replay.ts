/** Computes a logged request again, from the log and the bundle alone: the same features and scores to the bit. */
import { createCatalog } from "../catalog/index.ts";
import {
  type BundleId,
  type EpochMs,
  ManualClock,
  type Ms,
  type Offset,
  UpnextError,
} from "../core/index.ts";
import type { EventLog, Impression } from "../events/index.ts";
import type { Registry } from "../registry/index.ts";
import { memoryStore, type StateLimits } from "../state/index.ts";
import { RankingCost } from "./budget.ts";
import { Follower } from "./follower.ts";
import type { RecommendRequest } from "./recommender.ts";
import { type PathResult, type PathSettings, runPath } from "./request-path.ts";
import { servingModels, untrainedModels } from "./serving-models.ts";

/**
 * Rejects with `unknown_request` where the impression has no context, `no_bundle` where the bundle that served it is
 * gone, and with what `servingModels` rejects with.
 *
 * @param impression one that upnext wrote
 * @param settings those of the instance that served it
 * @returns what the request computed. Its rung is "full" wherever there was a ranker: a replay is never late
 */
export async function replayRequest(
  log: EventLog,
  registry: Registry,
  impression: Impression,
  limits: StateLimits,
  settings: PathSettings & { readonly limit: number },
): Promise<PathResult> {
  const { context, model, time } = impression;
  if (context === undefined) {
    throw new UpnextError(
      "unknown_request",
      "replay: expected an impression that upnext wrote, with its context; this one came from elsewhere",
    );
  }
  const catalog = createCatalog();
  const store = memoryStore({ limits });
  const follower = new Follower(until(log, context.offset), catalog, store);
  await follower.reached(context.offset);
  const models =
    model === undefined
      ? await untrainedModels(catalog)
      : await servingModels(await registry.open(model as BundleId), catalog);
  try {
    const request = context.request as RecommendRequest;
    return await runPath(request, request.limit ?? settings.limit, Number.POSITIVE_INFINITY as Ms, {
      catalog,
      models,
      clock: new ManualClock(time as EpochMs),
      cost: new RankingCost(),
      settings,
      readState: () => follower.read(impression.user),
    });
  } finally {
    await models.close();
    await store.close();
  }
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
