/** A slate of one creator is a channel page: at most `max` slots go to a creator. Items without a creator are not capped. */
export class CreatorCap {
  private readonly creators: Int32Array;
  private readonly max: number;
  private readonly taken = new Map<number, number>();

  /** `creators`: (catalog.size) codes by row, 0 for none. `max` 0 means no cap. */
  constructor(creators: Int32Array, max: number) {
    this.creators = creators;
    this.max = max;
  }

  /** Whether the creator of `row` has all the slots that it may have. */
  reached(row: number): boolean {
    const creator = this.creators[row]!;
    return this.max > 0 && creator !== 0 && (this.taken.get(creator) ?? 0) >= this.max;
  }

  /** Counts a slot for the creator of `row`. */
  take(row: number): void {
    const creator = this.creators[row]!;
    if (creator !== 0) this.taken.set(creator, (this.taken.get(creator) ?? 0) + 1);
  }
}
