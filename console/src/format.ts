/** Numbers and times as people read them. */

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export function count(value: number): string {
  return whole.format(value);
}

/** 12,345 and below in full, above as 1.2M. */
export function short(value: number): string {
  return value < 100_000 ? whole.format(value) : compact.format(value);
}

/** Two digits that say something. */
export function decimal(value: number, digits = 2): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 100) return whole.format(value);
  if (size >= 10) return value.toFixed(1);
  if (size >= 0.01) return value.toFixed(digits);
  return value.toPrecision(2);
}

export function ms(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value < 0.095) return `${value.toFixed(2)} ms`;
  return value < 9.95 ? `${value.toFixed(1)} ms` : `${whole.format(value)} ms`;
}

export function percent(share: number, digits = 0): string {
  return `${(100 * share).toFixed(digits)} %`;
}

export function bytes(value: number): string {
  if (value < 1e6) return `${decimal(value / 1e3, 1)} kB`;
  if (value < 1e9) return `${decimal(value / 1e6, 1)} MB`;
  return `${decimal(value / 1e9, 1)} GB`;
}

/** The length of a video: 3:07, 1:02:45. */
export function length(seconds: number): string {
  const all = Math.round(seconds);
  const h = Math.floor(all / 3600);
  const m = Math.floor(all / 60) % 60;
  const s = String(all % 60).padStart(2, "0");
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** How long ago: "3 days", "just now". */
export function ago(time: number, now = Date.now()): string {
  const passed = now - time;
  for (const [unit, size] of UNITS) {
    if (passed >= size) return `${plural(Math.floor(passed / size), unit)} ago`;
  }
  return "just now";
}

export function plural(value: number, noun: string, many = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : many}`;
}

export function moment(time: number): string {
  return new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** "long-watch" and "retrieval_order" as words. */
export function words(name: string): string {
  return name.replaceAll(/[-_]/g, " ");
}
