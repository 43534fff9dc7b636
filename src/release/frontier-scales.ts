/** The axes of the frontier's picture: quality is linear, costs are logarithmic. */
import type { Spread } from "./spread.ts";

/** Where values lie on an axis, 0 to 1, and the values that have a line in the grid. */
export interface Scale {
  share(value: number): number;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
}

/** Rungs that lie so far below the others that these could hardly be told apart are left out: their share is below 0. */
const FAR_BELOW = 0.4;
/** Of the axis, beyond the outermost values. */
const ROOM = 0.12;

export function qualityScale(qualities: readonly Spread[]): Scale {
  const sorted = [...qualities].sort((a, b) => a.value - b.value);
  while (sorted.length > 3 && extent(sorted.slice(1)) < FAR_BELOW * extent(sorted)) sorted.shift();
  const [low, high] = sorted.length === 0 ? [0, 1] : ends(sorted);
  const room = Math.max(ROOM * (high - low), 1e-4);
  const [from, to] = [low - room, high + room];
  const step = niceStep((to - from) / 7);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const ticks: { value: number; text: string }[] = [];
  for (let k = Math.ceil(from / step); k * step <= to; k++)
    ticks.push({ value: k * step, text: (k * step).toFixed(decimals) });
  return { share: (value) => (value - from) / (to - from), ticks };
}

function ends(spreads: readonly Spread[]): readonly [number, number] {
  return [Math.min(...spreads.map(({ lower }) => lower)), Math.max(...spreads.map(({ upper }) => upper))];
}

function extent(spreads: readonly Spread[]): number {
  const [low, high] = ends(spreads);
  return high - low;
}

/** 1, 2 or 5 times a power of ten, at least `step`. */
function niceStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= step * (1 - 1e-9))!;
}

/** The axis is at least so many times as long as what it begins with. */
const WIDEST_LEAST = 4;

/** @param objective a cost that is to be on the axis, too */
export function costScale(costs: readonly Spread[], objective: number | undefined): Scale {
  const values = costs.flatMap(({ lower, upper }) => [lower, upper]);
  if (objective !== undefined) values.push(objective);
  // What is too short to be measured has no place on a logarithmic axis: it is drawn at its beginning.
  const known = values.filter((value) => value > 0);
  const low = Math.min(...(known.length === 0 ? [1] : known));
  const high = Math.max(...(known.length === 0 ? [1] : known));
  const wider = 1.25 * Math.max(1, Math.sqrt(WIDEST_LEAST / (high / low)));
  const [from, to] = [low / wider, high * wider];
  const decades = Math.log10(to / from);
  const factors = decades > 2.5 ? [1] : decades > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
  const ticks: { value: number; text: string }[] = [];
  for (let power = Math.floor(Math.log10(from)); 10 ** power <= to; power++) {
    for (const factor of factors) {
      const value = factor * 10 ** power;
      if (value >= from && value <= to) ticks.push({ value, text: String(Number(value.toPrecision(2))) });
    }
  }
  const share = (value: number) => Math.log(Math.max(value, from) / from) / Math.log(to / from);
  return { share, ticks };
}
