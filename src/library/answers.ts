/** What users and those who ask about items get: answers of the models in service, and the same answers again. */
import { randomUUID } from "node:crypto";
import type { ResolvedConfig } from "../config/index.ts";
import {
  type ItemId,
  type Ms,
  type RequestId,
  SpareMemory,
  UpnextError,
  type UserId,
} from "../core/index.ts";
import { type Experiments, servedIn } from "../experiments/index.ts";
import {
  type Arrival,
  answerOf,
  type BundleWatch,
  checkLimit,
  checkRequest,
  DEFAULT_LIMIT,
  impressionOf,
  type PathParts,
  type PathResult,
  type PathSettings,
  type Recommendation,
  type RecommendRequest as RequestOfPath,
  replayRequest,
  runPath,
  type ServingModels,
  type SimilarItems,
  similarItems,
  supposing,
} from "../pipeline/index.ts";
import { DEFAULT_POLICY } from "../policy/index.ts";
import { bundleOf, servedWith, withArms } from "./arms.ts";
import type { Intake } from "./intake.ts";
import { loggedRequest } from "./logged-request.ts";
import type { Parts } from "./parts.ts";
import type { Scoring } from "./scoring.ts";
import type { RecommendRequest } from "./types.ts";

/** What answers are made with. */
export interface AnswerParts extends Parts {
  readonly intake: Intake;
  readonly scoring: Scoring;
  readonly desk: Experiments;
  /** There once the instance has started. */
  readonly bundles: () => BundleWatch;
}

export class Answers {
  readonly settings: PathSettings;
  private readonly parts: AnswerParts;
  private readonly memory = new SpareMemory();

  constructor(parts: AnswerParts) {
    this.parts = parts;
    this.settings = settingsOf(parts.config);
  }

  async recommend(wanted: RecommendRequest, arrival: Arrival): Promise<Recommendation> {
    const { config, catalog, metrics, role, intake, scoring, desk, bundles } = this.parts;
    const limit = checkRequest(wanted);
    const request = wanted as RequestOfPath;
    const id = request.request ?? (randomUUID() as RequestId);
    await intake.reflects(request.after);
    const budget = request.budgetMs ?? (config.budgetMs as Ms);
    const assigned = desk.armsOf(request.user);
    const bundle = bundleOf(assigned);
    // Taken once: a swap of the bundle in the middle must not mix two.
    return bundles().serving.use(async (models) => {
      const { whatIf } = request;
      const arms = servedWith(assigned, models.bundle?.id ?? null);
      const served = assigned.flatMap(({ arm }, i) => (arms[i]!.served ? arm : []));
      const real = {
        ...this.partsOf(request.user, models),
        settings: withArms(this.settings, served),
        memory: this.memory,
      };
      const parts = whatIf === undefined ? real : supposing(real, whatIf);
      const path = await runPath({ ...request, request: id }, limit, budget, parts, arrival);
      const answer = answerOf(request, id, budget, path, catalog, models, arms);
      metrics?.observeRecommendation(answer);
      scoring.lookAgain(bundles().serving, (own) => this.partsOf("" as UserId, own));
      if ((request.log ?? true) && whatIf === undefined && role !== "reader" && answer.items.length > 0) {
        intake.appendLater(impressionOf(request, answer, path, models));
      }
      path.giveBack();
      return answer;
    }, bundle && bundles().modelsOf(bundle));
  }

  async similar(id: string, limit: number): Promise<SimilarItems> {
    checkLimit(limit);
    const { catalog, clock, bundles } = this.parts;
    const item = id as ItemId;
    const row = catalog.rowOf(item);
    if (row === undefined) {
      throw new UpnextError(
        "unknown_item",
        "similar: expected an item of the catalog, there is none with this id",
      );
    }
    const now = clock.now();
    return bundles().serving.use((models) => similarItems(item, row, limit, now, catalog, models));
  }

  /** Computes an answer of the log once more. */
  async replay(request: string): Promise<PathResult> {
    const { log, catalog, registry, states, snapshots, intake, desk } = this.parts;
    // The answer may have been given just now, and its impression be on its way.
    await intake.settled();
    await intake.reflects(undefined);
    const found = await loggedRequest(request, log, catalog);
    await desk.look();
    const arms = (servedIn(found.context?.request)?.arms ?? []).flatMap(({ experiment, arm, served }) =>
      served ? (desk.armNamed(experiment, arm) ?? []) : [],
    );
    const settings = { ...withArms(this.settings, arms), limit: DEFAULT_LIMIT };
    return replayRequest(log, registry, found, states.limits, settings, snapshots);
  }

  /** What a request of the user goes through. */
  partsOf(user: UserId, models: ServingModels): PathParts {
    const { catalog, clock, role, intake, scoring } = this.parts;
    return {
      catalog,
      models,
      clock,
      cost: scoring.costOf(models),
      encodings: scoring.encodings,
      settings: this.settings,
      readState: async () => {
        const read = await intake.read(user);
        // The writer may have put newer events into the store than this catalog has: the catalog goes there first.
        if (role !== "writer") await intake.reflects(undefined);
        return read;
      },
    };
  }
}

function settingsOf({ retrieval, ranking, state, policy }: ResolvedConfig): PathSettings {
  const maxAge = state.maxAge as Ms | undefined;
  return {
    candidates: retrieval.candidates,
    perSource: retrieval.perSource,
    headWeights: ranking.headWeights,
    ...(maxAge !== undefined && { maxAge }),
    policy: { ...DEFAULT_POLICY, ...policy },
  };
}
