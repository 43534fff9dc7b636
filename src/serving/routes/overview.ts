/** What there is, for people who look: the system, its items, the users who came last. */
import { z } from "zod";
import type { ItemId } from "../../core/index.ts";
import { ITEM_ORDERS } from "../../pipeline/overview.ts";
import {
  exposureAnswer,
  exposureSchema,
  featuresAnswer,
  featuresSchema,
  itemsAnswer,
  itemsSchema,
  slatesAnswer,
  slatesSchema,
  statusAnswer,
  statusSchema,
  usersAnswer,
  usersSchema,
} from "../overview-answer.ts";
import { idOf, queryInteger, queryList } from "../parameters.ts";
import { declareRoute, type Routes } from "../route.ts";
import { closedObject } from "../validation.ts";

const MAX_ITEMS = 200;
const MAX_USERS = 100;
const MAX_SEARCH = 100;

const itemsQuery = closedObject(
  {
    ids: queryList<ItemId>("item ids", MAX_ITEMS)
      .describe("These items, in this order; those that are not known are left out.")
      .exactOptional(),
    search: z
      .string()
      .max(MAX_SEARCH, { error: `expected a text of at most ${MAX_SEARCH} characters` })
      .describe("Only items whose id, title, creator or category holds the text.")
      .exactOptional(),
    order: z
      .enum(ITEM_ORDERS, { error: `expected one of ${ITEM_ORDERS.join(", ")}` })
      .describe("Which come first. Default popular.")
      .exactOptional(),
    limit: queryInteger(1, MAX_ITEMS).describe("Number of items wanted. Default 20.").exactOptional(),
  },
  "the query",
);

const usersQuery = closedObject(
  { limit: queryInteger(1, MAX_USERS).describe("Number of users wanted. Default 20.").exactOptional() },
  "the query",
);

const slatesQuery = closedObject(
  {
    item: idOf<ItemId>("an item id")
      .describe("Whose finders are wanted; those of all slots where absent.")
      .exactOptional(),
  },
  "the query",
);

export const overviewRoutes: Routes = (app, { recommender }) => {
  app.get(
    "/v1/status",
    declareRoute({
      id: "getStatus",
      summary: "What the system consists of and runs with",
      tag: "operations",
      scope: "read",
      inputs: {},
      answers: { 200: statusSchema },
      errors: ["closed"],
    }),
    async () => statusAnswer(await recommender.status()),
  );

  app.get(
    "/v1/items",
    declareRoute({
      id: "findItems",
      summary: "Find items",
      description: "By id, by a text, or the first ones of an order, with what was counted of each.",
      tag: "items",
      scope: "read",
      inputs: { querystring: itemsQuery },
      answers: { 200: itemsSchema },
      errors: ["closed"],
    }),
    async (request) => itemsAnswer(await recommender.items(request.query)),
  );

  app.get(
    "/v1/users",
    declareRoute({
      id: "getRecentUsers",
      summary: "Users of the newest events",
      tag: "users",
      scope: "read",
      inputs: { querystring: usersQuery },
      answers: { 200: usersSchema },
      errors: ["closed"],
    }),
    async (request) => usersAnswer(await recommender.recentUsers(request.query.limit ?? 20)),
  );

  app.get(
    "/v1/exposure",
    declareRoute({
      id: "getExposure",
      summary: "How what is shown is spread over the catalogue",
      tag: "items",
      scope: "read",
      inputs: {},
      answers: { 200: exposureSchema },
      errors: ["closed"],
    }),
    async () => exposureAnswer(await recommender.exposure()),
  );

  app.get(
    "/v1/slates",
    declareRoute({
      id: "getSlates",
      summary: "What the newest slates held",
      description: "For whom, which items, and who found them: slates among the newest 20,000 events.",
      tag: "operations",
      scope: "read",
      inputs: { querystring: slatesQuery },
      answers: { 200: slatesSchema },
      errors: ["closed"],
    }),
    async (request) => slatesAnswer(await recommender.newestSlates(request.query.item)),
  );

  app.get(
    "/v1/features",
    declareRoute({
      id: "getFeatures",
      summary: "What rankers read, and how far it has moved",
      description:
        "A process of its own reads the log from its beginning: seconds to minutes. Who asks meanwhile, or within five minutes, gets the same.",
      tag: "operations",
      scope: "admin",
      inputs: {},
      answers: { 200: featuresSchema },
      errors: ["not_enough_data", "bundle_corrupt", "closed"],
    }),
    async () => featuresAnswer(await recommender.features()),
  );
};
