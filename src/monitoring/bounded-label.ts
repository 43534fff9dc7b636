/**
 * A label has a bounded number of values: each one is a time series that lives for ever. The first `max` values keep
 * their names and whatever comes later is "other", so no caller can fill the memory with made-up routes or names.
 */
export class BoundedLabel {
  private readonly known = new Set<string>();
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  /** `value`, or "other" where there are too many already. */
  of(value: string): string {
    if (this.known.has(value)) return value;
    if (this.known.size >= this.max) return "other";
    this.known.add(value);
    return value;
  }
}
