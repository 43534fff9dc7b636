/**
 * Times of other systems: a number since 1970 in seconds, milliseconds, microseconds or nanoseconds, or ISO 8601. The
 * unit of a column is decided once, by the magnitude of its first values: the bounds below lie in the year 5138 for
 * one unit and in 1973 for the next smaller one.
 */

export const TIME_UNITS = {
  s: { about: "seconds since 1970", perMs: 1 / 1000 },
  ms: { about: "milliseconds since 1970", perMs: 1 },
  µs: { about: "microseconds since 1970", perMs: 1000 },
  ns: { about: "nanoseconds since 1970", perMs: 1_000_000 },
  iso: { about: "ISO 8601, UTC where no zone is given", perMs: Number.NaN },
} as const satisfies Record<string, { readonly about: string; readonly perMs: number }>;

export type TimeUnit = keyof typeof TIME_UNITS;

/** The unit of a column by its first values; undefined where none of them is a time. */
export function guessTimeUnit(sample: readonly unknown[]): TimeUnit | undefined {
  const numbers: number[] = [];
  let iso = 0;
  for (const cell of sample) {
    const number = numeric(cell);
    if (Number.isFinite(number)) numbers.push(Math.abs(number));
    else if (typeof cell === "string" && Number.isFinite(parseIso(cell))) iso++;
  }
  if (iso > numbers.length) return "iso";
  if (numbers.length === 0) return undefined;
  numbers.sort((a, b) => a - b);
  const median = numbers[numbers.length >> 1]!;
  if (median < 1e11) return "s";
  if (median < 1e14) return "ms";
  return median < 1e17 ? "µs" : "ns";
}

/** EpochMs of a cell, rounded (nanoseconds and fractions are not exact in a float); NaN where it is no time in this unit. */
export function parseTime(cell: unknown, unit: TimeUnit): number {
  if (unit === "iso") return typeof cell === "string" ? parseIso(cell) : Number.NaN;
  const number = numeric(cell);
  return Math.round(unit === "s" ? number * 1000 : number / TIME_UNITS[unit].perMs);
}

function numeric(cell: unknown): number {
  if (typeof cell === "string") return cell.trim() === "" ? Number.NaN : Number(cell);
  if (typeof cell === "bigint") return Number(cell);
  return typeof cell === "number" ? cell : Number.NaN;
}

const ISO =
  /^\s*(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?\s*$/i;

/** `Date.parse` would take a time without a zone as local, and 30 February as 2 March. */
export function parseIso(text: string): number {
  const match = ISO.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "0", zone = "Z"] = match;
  const date = Date.UTC(Number(year), Number(month) - 1, Number(day));
  if (new Date(date).getUTCDate() !== Number(day) || Number(month) < 1 || Number(month) > 12)
    return Number.NaN;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return Number.NaN;
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second) - zoneMinutes(zone) * 60;
  return date + seconds * 1000 + Math.round(Number(`0.${fraction}`) * 1000);
}

function zoneMinutes(zone: string): number {
  if (!zone.startsWith("+") && !zone.startsWith("-")) return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(":", "") || 0);
  return zone.startsWith("-") ? -minutes : minutes;
}
