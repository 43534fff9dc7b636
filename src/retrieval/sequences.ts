/** Every user's engagement in time order, as columns: what sources are fitted on. */
export interface Sequences {
  /** (U + 1) user u owns entries offsets[u] .. offsets[u + 1] of the columns below. */
  readonly offsets: Int32Array;
  /** (E) catalog rows, a user's entries oldest first. */
  readonly items: Int32Array;
  /** (E) EpochMs. */
  readonly times: Float64Array;
  /** (E) weight of the evidence, > 0 (event strength and value). */
  readonly weights: Float32Array;
  /** Number of item rows; every entry of `items` is below it. */
  readonly itemCount: number;
}
