/** Numbers in sentences: as many digits as they carry. */
import type { Spread } from "./spread.ts";

/** Largest ratio of two costs that is called about the same. */
const SAME = 1.1;

/** `0.8 % (0.3 to 1.2)`: as many decimals as the interval's width is worth, and more where its end would be 0. */
export function percentWithInterval({ value, lower, upper }: Spread): string {
  const decimals = decimalsFor(lower, upper);
  const text = (share: number) => fixed(100 * share, decimals);
  return `${text(value)} % (${text(lower)} to ${text(upper)})`;
}

/** `between 0.4 % less and 0.2 % more` of an interval around 0. */
export function percentAroundZero({ lower, upper }: Spread): string {
  const decimals = decimalsFor(lower, upper);
  const text = (share: number) => fixed(Math.abs(100 * share), decimals);
  return `between ${text(lower)} % less and ${text(upper)} % more`;
}

function decimalsFor(lower: number, upper: number): number {
  const width = 100 * (upper - lower);
  const nearest = 100 * Math.min(Math.abs(lower), Math.abs(upper));
  let decimals = width >= 10 ? 0 : width >= 0.5 || nearest >= 10 ? 1 : width >= 0.05 ? 2 : 3;
  // What differs from 0 must not read as 0.
  while (nearest > 0 && decimals < 6 && Number(nearest.toFixed(decimals)) === 0) decimals++;
  return decimals;
}

/** Without a minus before a rounded 0. */
function fixed(value: number, decimals: number): string {
  return (Number(value.toFixed(decimals)) || 0).toFixed(decimals);
}

/** What one cost is to another: `about the same CPU`, `35 % less CPU`, `14 times less CPU`, `2.4 times the CPU`. */
export interface Compared {
  readonly way: "same" | "less" | "more";
  readonly text: string;
}

/** @param costs `value` of each > 0; where the spreads overlap there is no difference to speak of */
export function compareCosts(own: Spread, other: Spread, noun: string): Compared {
  const overlap = own.lower <= other.upper && other.lower <= own.upper;
  const ratio = own.value / other.value;
  if (overlap || (ratio < SAME && 1 / ratio < SAME)) return { way: "same", text: `about the same ${noun}` };
  if (ratio < 1) {
    const times = 1 / ratio;
    const text =
      times < 2
        ? `${Math.round(100 * (1 - ratio))} % less ${noun}`
        : `${ratioText(times)} times less ${noun}`;
    return { way: "less", text };
  }
  const text =
    ratio < 2 ? `${Math.round(100 * (ratio - 1))} % more ${noun}` : `${ratioText(ratio)} times the ${noun}`;
  return { way: "more", text };
}

/** `2.4`, `3`, `14` */
function ratioText(ratio: number): string {
  return ratio < 9.95 ? String(Number(ratio.toFixed(1))) : String(Math.round(ratio));
}

/** `0.42 ms`, `8.3 ms`, `212 ms`: two digits, or all before the point. */
export function ms(value: number): string {
  return `${digits(value)} ms`;
}

export function digits(value: number): string {
  if (value >= 9.95) return String(Math.round(value));
  return value >= 0.995 ? value.toFixed(1) : value.toFixed(2);
}

/** `1 item`, `1,234 items` */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

export function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
