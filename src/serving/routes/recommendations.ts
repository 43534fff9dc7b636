/** A ranked slate for a user: by GET for what fits into a query, by POST for everything. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ItemId, Ms, Offset, RequestId, UserId } from "../../core/index.ts";
import { INTERACTION_TYPE_NAMES } from "../../events/index.ts";
import type { RecommendRequest } from "../../pipeline/recommender.ts";
import {
  booleanOf,
  idOf,
  integerOf,
  listOf,
  placeOf,
  queryBoolean,
  queryInteger,
  queryList,
} from "../parameters.ts";
import { recommendationAnswer, recommendationSchema } from "../recommendation-answer.ts";
import { declareRoute, type Routes } from "../route.ts";
import { serverTiming } from "../server-timing.ts";
import { closedObject } from "../validation.ts";

const MAX_ITEMS = 500;
const MAX_LISTED = 10_000;
const MAX_CATEGORIES = 100;
const MAX_WHY_NOT = 20;
const MAX_BUDGET_MS = 60_000;

const ABOUT = {
  user: "Whom to recommend to. A user who is not known gets popular items and the reason `unknown_user`.",
  limit: "Number of items wanted. Default 20.",
  request: "Name of this answer in the log; made up where absent.",
  surface: "Where it is shown: the page, tab or shelf. A feature of the ranker, and kept in the impression.",
  device: "The kind of device that it is shown on. A feature of the ranker, and kept in the impression.",
  after: "The answer reflects every event before this offset, as `POST /v1/events` returned it.",
  include: "Only these items may be returned.",
  exclude: "These items are not returned.",
  categories: "Only items of at least one of these categories.",
  allowSeen: "Whether items that the user has touched may come back. Default false.",
  whyNot: "For these items the answer says why they are not in it.",
  explain: "Whether each item carries its sources, features and score parts. Default false.",
  budgetMs: "Milliseconds for the whole call; a late stage is replaced by its fallback.",
  log: "Whether the slate is written to the log as an impression. Default true.",
  whatIf:
    "Answers as if the user's state or the weights of the heads were others. Nothing of it is stored or logged.",
} as const satisfies Record<keyof RecommendRequest, string>;

const MAX_SUPPOSED = 100;
const MAX_WEIGHT = 1_000;

const weightError = `expected a weight from -${MAX_WEIGHT} to ${MAX_WEIGHT}`;

const whatIfSchema = closedObject(
  {
    add: listOf(
      closedObject(
        {
          item: idOf<ItemId>("an item id"),
          type: z.enum(INTERACTION_TYPE_NAMES, {
            error: `expected one of ${INTERACTION_TYPE_NAMES.join(", ")}`,
          }),
          value: z.number({ error: "expected a finite number" }).exactOptional(),
        },
        "a touch",
      ),
      "touches",
      MAX_SUPPOSED,
    )
      .describe("Touches that the user has made just now, the last one newest.")
      .exactOptional(),
    remove: listOf(idOf<ItemId>("an item id"), "item ids", MAX_SUPPOSED)
      .describe("Items that the user has never touched.")
      .exactOptional(),
    headWeights: z
      .record(
        z.string(),
        z
          .number({ error: weightError })
          .min(-MAX_WEIGHT, { error: weightError })
          .max(MAX_WEIGHT, { error: weightError }),
      )
      .describe("Weights of heads in the score, by name.")
      .exactOptional(),
  },
  "what is to be supposed",
);

const bodySchema = closedObject(
  {
    user: idOf<UserId>("a user id").describe(ABOUT.user),
    limit: integerOf(1, MAX_ITEMS).describe(ABOUT.limit).exactOptional(),
    request: idOf<RequestId>("a request id").describe(ABOUT.request).exactOptional(),
    surface: placeOf("a surface").describe(ABOUT.surface).exactOptional(),
    device: placeOf("a device").describe(ABOUT.device).exactOptional(),
    after: integerOf<Offset>(0).describe(ABOUT.after).exactOptional(),
    include: listOf(idOf<ItemId>("an item id"), "item ids", MAX_LISTED)
      .describe(ABOUT.include)
      .exactOptional(),
    exclude: listOf(idOf<ItemId>("an item id"), "item ids", MAX_LISTED)
      .describe(ABOUT.exclude)
      .exactOptional(),
    categories: listOf(idOf("a category"), "categories", MAX_CATEGORIES)
      .describe(ABOUT.categories)
      .exactOptional(),
    allowSeen: booleanOf().describe(ABOUT.allowSeen).exactOptional(),
    whyNot: listOf(idOf<ItemId>("an item id"), "item ids", MAX_WHY_NOT)
      .describe(ABOUT.whyNot)
      .exactOptional(),
    explain: booleanOf().describe(ABOUT.explain).exactOptional(),
    budgetMs: integerOf<Ms>(1, MAX_BUDGET_MS).describe(ABOUT.budgetMs).exactOptional(),
    log: booleanOf().describe(ABOUT.log).exactOptional(),
    whatIf: whatIfSchema.describe(ABOUT.whatIf).exactOptional(),
  },
  "a recommendation request",
).meta({ examples: [{ user: "u1", limit: 5, exclude: ["v42"], explain: true }] });

const querySchema = closedObject(
  {
    user: idOf<UserId>("a user id").describe(ABOUT.user),
    limit: queryInteger(1, MAX_ITEMS).describe(ABOUT.limit).exactOptional(),
    request: idOf<RequestId>("a request id").describe(ABOUT.request).exactOptional(),
    surface: placeOf("a surface").describe(ABOUT.surface).exactOptional(),
    device: placeOf("a device").describe(ABOUT.device).exactOptional(),
    after: queryInteger<Offset>(0).describe(ABOUT.after).exactOptional(),
    include: queryList<ItemId>("item ids", MAX_LISTED).describe(ABOUT.include).exactOptional(),
    exclude: queryList<ItemId>("item ids", MAX_LISTED).describe(ABOUT.exclude).exactOptional(),
    categories: queryList("categories", MAX_CATEGORIES).describe(ABOUT.categories).exactOptional(),
    allowSeen: queryBoolean().describe(ABOUT.allowSeen).exactOptional(),
    whyNot: queryList<ItemId>("item ids", MAX_WHY_NOT).describe(ABOUT.whyNot).exactOptional(),
    explain: queryBoolean().describe(ABOUT.explain).exactOptional(),
    budgetMs: queryInteger<Ms>(1, MAX_BUDGET_MS).describe(ABOUT.budgetMs).exactOptional(),
    log: queryBoolean().describe(ABOUT.log).exactOptional(),
  },
  "the query",
);

const ANSWER = {
  lane: "interactive",
  tag: "recommendations",
  scope: "read",
  answers: { 200: recommendationSchema },
  errors: ["offset_ahead", "closed"],
} as const;

export const recommendationRoutes: Routes = (app, { recommender }) => {
  app.get(
    "/v1/recommendations",
    declareRoute({
      ...ANSWER,
      id: "getRecommendations",
      summary: "Recommend items to a user",
      description: "The slate is written to the log as an impression, except for HEAD and with `log=false`.",
      inputs: { querystring: querySchema },
    }),
    async (request, reply) => {
      const { query } = request;
      return answer(request.method === "HEAD" ? { ...query, log: false } : query, request, reply);
    },
  );
  app.post(
    "/v1/recommendations",
    declareRoute({
      ...ANSWER,
      id: "postRecommendations",
      summary: "Recommend items to a user, with lists of any length",
      description: "The same as the GET, with its parameters as JSON.",
      inputs: { body: bodySchema },
    }),
    async (request, reply) => answer(request.body, request, reply),
  );

  async function answer(
    wanted: RecommendRequest,
    { acceptedAt, pressure, waited, turn, pause }: FastifyRequest,
    reply: FastifyReply,
  ) {
    const arrival = { acceptedAt: acceptedAt as Ms, pressure, turn, pause };
    const recommendation = await recommender.recommend(wanted, arrival);
    reply.header("server-timing", serverTiming(recommendation.trace, waited));
    return recommendationAnswer(recommendation);
  }
};
