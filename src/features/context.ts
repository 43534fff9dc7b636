/**
 * The request: how much is known of the user, how long ago, and the hour. The same for all candidates of a request;
 * the network crosses them with the rest.
 */
import { DAY, HOUR, MINUTE } from "../core/index.ts";
import type { FeatureGroup } from "./feature-set.ts";

export const context: FeatureGroup = {
  name: "context",
  version: 1,
  smallestDeviation: 0.5,
  columns: () => ["log-touches", "log-minutes-since-touch", "hour-sin", "hour-cos"],

  fill({ query, candidates }, { matrix, width, first }) {
    const n = query.items.length;
    const idle = n === 0 ? 365 * DAY : Math.max(0, query.now - query.times[0]!);
    const angle = (2 * Math.PI * (query.now % DAY)) / (24 * HOUR);
    const values = [Math.log1p(n), Math.log1p(idle / MINUTE), Math.sin(angle), Math.cos(angle)];
    for (let i = 0; i < candidates.rows.length; i++) {
      for (let f = 0; f < values.length; f++) matrix[i * width + first + f] = values[f]!;
    }
  },
};
