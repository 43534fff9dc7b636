/**
 * What the user did lately, whatever the candidates: how much, how long ago, and how it went over the last 5, 20, 50 and
 * 200 visits, and over those of them on the surface that is asked for. Windows and priors are guesses; each prior counts
 * as two visits.
 */
import { DAY, HOUR, MINUTE } from "../core/index.ts";
import { ACTIONS } from "../events/index.ts";
import type { RequestColumn, RequestGroup } from "./feature-set.ts";
import { smoothed } from "./smoothing.ts";
import { type Visits, visitsOf } from "./visits.ts";

const WINDOWS = [5, 20, 50, 200] as const;
/** Of visits here, among those that the largest window takes. */
const WINDOWS_HERE = [5, 20, 200] as const;
/** Newest visits that are told one by one. */
const SINGLE = 3;
/** A pause that ends a sitting. */
const PAUSE = 30 * MINUTE;
/** A user of whom nothing is known was away for so long. */
const AWAY = 365 * DAY;
const STRENGTH = 2;
const LIKELY_SHARE = 0.5;
/** By action, as many as are usual in logs of short videos; others are rare. */
const LIKELY: Readonly<Record<string, number>> = { engage: 0.5, click: 0.3, "long-watch": 0.3 };
const RARE = 0.05;
const likely = ACTIONS.map(({ name }) => LIKELY[name] ?? RARE);
const AWAY_LOG = Math.log1p(AWAY / MINUTE);

export const habits: RequestGroup = {
  name: "habit",
  version: 2,
  per: "request",
  smallestDeviation: 0.1,

  columns: () => [
    { name: "log-visits", kind: "log", unknown: 0 },
    { name: "log-visits-hour", kind: "log", unknown: 0 },
    { name: "log-visits-day", kind: "log", unknown: 0 },
    { name: "log-visits-sitting", kind: "log", unknown: 0 },
    ...Array.from({ length: SINGLE }, (_, v): RequestColumn[] => [
      { name: `visit-${v + 1}.log-minutes`, kind: "log", unknown: AWAY_LOG },
      { name: `visit-${v + 1}.share`, kind: "share", unknown: LIKELY_SHARE },
      ...ACTIONS.map(
        ({ name }): RequestColumn => ({ name: `visit-${v + 1}.${name}`, kind: "flag", unknown: 0 }),
      ),
    ]).flat(),
    ...WINDOWS.flatMap((size) => windowColumns(`last-${size}`)),
    { name: "here.log-visits", kind: "log", unknown: 0 },
    { name: "here.log-minutes", kind: "log", unknown: AWAY_LOG },
    ...WINDOWS_HERE.flatMap((size) => windowColumns(`here.last-${size}`)),
  ],

  prepare:
    () =>
    ({ query: { now, history }, catalog }) =>
    (values) => {
      const visits = visitsOf(history, catalog, WINDOWS.at(-1));
      const { times, shares, actions } = visits;
      let at = 0;
      values[at++] = Math.log1p(times.length);
      values[at++] = Math.log1p(since(times, now - HOUR));
      values[at++] = Math.log1p(since(times, now - DAY));
      values[at++] = Math.log1p(sitting(times, now));
      for (let v = 0; v < SINGLE; v++) {
        const known = v < times.length;
        values[at++] = known ? Math.log1p(Math.max(0, now - times[v]!) / MINUTE) : AWAY_LOG;
        values[at++] = known && !Number.isNaN(shares[v]!) ? shares[v]! : LIKELY_SHARE;
        for (let a = 0; a < ACTIONS.length; a++) values[at++] = known ? (actions[v]! >> a) & 1 : 0;
      }
      for (const size of WINDOWS) at = window(visits, size, values, at);
      const here = visitsHere(visits);
      values[at++] = Math.log1p(here.times.length);
      values[at++] =
        here.times.length === 0 ? AWAY_LOG : Math.log1p(Math.max(0, now - here.times[0]!) / MINUTE);
      for (const size of WINDOWS_HERE) at = window(here, size, values, at);
    },
};

function windowColumns(name: string): readonly RequestColumn[] {
  return [
    { name: `${name}.share`, kind: "share", unknown: LIKELY_SHARE },
    ...ACTIONS.map(
      (action, a): RequestColumn => ({ name: `${name}.${action.name}`, kind: "share", unknown: likely[a]! }),
    ),
  ];
}

type Told = Pick<Visits, "times" | "shares" | "actions">;

/** Those on the surface that is asked for. */
function visitsHere({ times, shares, actions, here }: Visits): Told {
  let n = 0;
  const own = {
    times: new Float64Array(times.length),
    shares: new Float32Array(times.length),
    actions: new Uint8Array(times.length),
  };
  for (let v = 0; v < times.length; v++) {
    if (here[v] === 0) continue;
    own.times[n] = times[v]!;
    own.shares[n] = shares[v]!;
    own.actions[n++] = actions[v]!;
  }
  return {
    times: own.times.subarray(0, n),
    shares: own.shares.subarray(0, n),
    actions: own.actions.subarray(0, n),
  };
}

/** Visits from `moment` on. */
function since(times: Float64Array, moment: number): number {
  let count = 0;
  while (count < times.length && times[count]! >= moment) count++;
  return count;
}

/** Newest visits without a pause between them, or before now. */
function sitting(times: Float64Array, now: number): number {
  let count = 0;
  for (let before = now; count < times.length && before - times[count]! <= PAUSE; count++) {
    before = times[count]!;
  }
  return count;
}

/** Means over the newest visits. Returns where the next column is. */
function window({ shares, actions }: Told, size: number, values: Float32Array, first: number): number {
  const n = Math.min(size, actions.length);
  let at = first;
  let watched = 0;
  let watches = 0;
  for (let v = 0; v < n; v++) {
    if (Number.isNaN(shares[v]!)) continue;
    watched += shares[v]!;
    watches++;
  }
  values[at++] = (watched + STRENGTH * LIKELY_SHARE) / (watches + STRENGTH);
  for (let a = 0; a < ACTIONS.length; a++) {
    let count = 0;
    for (let v = 0; v < n; v++) count += (actions[v]! >> a) & 1;
    values[at++] = smoothed(count, n, likely[a]!, STRENGTH);
  }
  return at;
}
