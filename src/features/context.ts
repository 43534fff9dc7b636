/** The request: how much is known of the user, how long ago, the hour and the kind of day. */
import { DAY, HOUR, MINUTE } from "../core/index.ts";
import type { RequestGroup } from "./feature-set.ts";

/** From Sunday on, in UTC: what a weekend is elsewhere, the hours tell. */
const WEEKEND = [1, 0, 0, 0, 0, 0, 1];

export const context: RequestGroup = {
  name: "context",
  version: 3,
  per: "request",
  smallestDeviation: 0.5,

  columns: () => [
    { name: "log-touches", kind: "log", unknown: 0 },
    { name: "log-minutes-since-touch", kind: "log" },
    { name: "hour-sin", kind: "cycle" },
    { name: "hour-cos", kind: "cycle" },
    { name: "half-day-sin", kind: "cycle" },
    { name: "half-day-cos", kind: "cycle" },
    { name: "weekend", kind: "flag" },
  ],

  prepare:
    () =>
    ({ query }) =>
    (values) => {
      const n = query.items.length;
      const idle = n === 0 ? 365 * DAY : Math.max(0, query.now - query.times[0]!);
      const angle = (2 * Math.PI * (query.now % DAY)) / (24 * HOUR);
      values[0] = Math.log1p(n);
      values[1] = Math.log1p(idle / MINUTE);
      values[2] = Math.sin(angle);
      values[3] = Math.cos(angle);
      values[4] = Math.sin(2 * angle);
      values[5] = Math.cos(2 * angle);
      values[6] = WEEKEND[new Date(query.now).getUTCDay()]!;
    },
};
