/** All routes: a new group is a file and a line here. */
import type { Routes } from "../route.ts";
import { consoleRoutes } from "./console.ts";
import { eventRoutes } from "./events.ts";
import { experimentRoutes } from "./experiments.ts";
import { healthRoutes } from "./health.ts";
import { itemRoutes } from "./items.ts";
import { liveRoutes } from "./live.ts";
import { operationRoutes } from "./operations.ts";
import { overviewRoutes } from "./overview.ts";
import { recommendationRoutes } from "./recommendations.ts";
import { releaseRoutes } from "./releases.ts";
import { userRoutes } from "./users.ts";

export const ROUTES: readonly Routes[] = [
  eventRoutes,
  recommendationRoutes,
  itemRoutes,
  userRoutes,
  healthRoutes,
  operationRoutes,
  overviewRoutes,
  liveRoutes,
  releaseRoutes,
  experimentRoutes,
  consoleRoutes,
];
