/** The request: how much is known of the user, how long ago, and the hour. */
import { DAY, HOUR, MINUTE } from "../core/index.ts";
import type { FeatureGroup } from "./feature-set.ts";

export const context: FeatureGroup = {
  name: "context",
  version: 2,
  per: "request",
  smallestDeviation: 0.5,

  columns: () => [
    { name: "log-touches", kind: "log", unknown: 0 },
    { name: "log-minutes-since-touch", kind: "log" },
    { name: "hour-sin", kind: "cycle" },
    { name: "hour-cos", kind: "cycle" },
  ],

  prepare:
    () =>
    ({ query }, { matrix, first }) => {
      const n = query.items.length;
      const idle = n === 0 ? 365 * DAY : Math.max(0, query.now - query.times[0]!);
      const angle = (2 * Math.PI * (query.now % DAY)) / (24 * HOUR);
      matrix[first] = Math.log1p(n);
      matrix[first + 1] = Math.log1p(idle / MINUTE);
      matrix[first + 2] = Math.sin(angle);
      matrix[first + 3] = Math.cos(angle);
    },
};
