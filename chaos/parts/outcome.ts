/** What a chaos command hands back; scripts/chaos.mjs prints it and ends with 1 where something is broken. */
export interface Outcome {
  /** A sentence for each promise that did not hold: what was promised, and what was found. */
  readonly broken: readonly string[];
  /** Everything that was counted and timed. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** A line for the person who waits; the figures alone go to stdout. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Columns aligned, numbers to the right; the first row is the head. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map(String));
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ");
  return cells.map(line).join("\n");
}

/** The value below which a share `q` of the values lies; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
