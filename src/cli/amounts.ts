/** Numbers as people read them. */

/** `12,345` */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `1 item`, `2 items` */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** `850 ms`, `4.2 s`, `2 min 05 s` */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/** `1.5 MB`: powers of ten, as disks are sold. */
export function bytes(value: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let rest = value;
  let unit = 0;
  while (rest >= 999.95 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return unit === 0 ? `${count(rest)} bytes` : `${rest.toFixed(1)} ${units[unit]}`;
}

/** How far a step is: `1,200 of 5,000 users`, `1.2 of 24.6 MB`, or without a total `1,200 users`. */
export function amount(done: number, total: number | undefined, unit: string): string {
  if (unit === "bytes") return total === undefined ? bytes(done) : `${bytes(done)} of ${bytes(total)}`;
  const name = unit === "" ? "" : ` ${unit}`;
  return total === undefined ? `${count(done)}${name}` : `${count(done)} of ${count(total)}${name}`;
}
