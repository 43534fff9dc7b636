/** Durations as people write them: `90s`, `30m`, `1.5h`, `90d`. */
import { DAY, HOUR, MINUTE, type Ms, SECOND } from "./units.ts";

const UNITS: Readonly<Record<string, Ms>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY };

/** undefined where the text is none, or is not longer than nothing. */
export function parseDuration(text: string): Ms | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const ms = Math.round(Number(amount) * UNITS[unit ?? ""]!);
  return ms > 0 ? (ms as Ms) : undefined;
}
