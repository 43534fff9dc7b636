// Rows that are equal share a place of a matrix (src/tensor/distinct-rows.ts): between what is known by row and by place.

/**
 * live[p] = counts[p] less the rows of place p with allowed[row] == 0, f32; flags[p] = 0 where none is left, else not 0.
 * `taken` (places) u8 are the flags of a mask that allows everything.
 */
export function allowPlaces(
  counts: usize,
  taken: usize,
  places: usize,
  placeOf: usize,
  allowed: usize,
  rows: usize,
  live: usize,
  flags: usize,
): void {
  memory.copy(live, counts, places << 2);
  memory.copy(flags, taken, places);
  let r: usize = 0;
  while (r < rows) {
    if (r + 16 <= rows && i8x16.all_true(v128.load(allowed + r))) {
      r += 16;
      continue;
    }
    const stop = min(r + 16, rows);
    for (; r < stop; r++) {
      if (load<u8>(allowed + r) != 0) continue;
      const place = <usize>load<u32>(placeOf + (r << 2));
      const left: f32 = load<f32>(live + (place << 2)) - 1;
      store<f32>(live + (place << 2), left);
      if (left == 0) store<u8>(flags + place, 0);
    }
  }
}

/**
 * Of some places with exact scores (count): writes these to scores[place], and the places' rows with allowed[row] != 0
 * to outRows and outScores, those whose score is NaN left out. Returns how many rows these are. first[place] is the only
 * row of a place, which is allowed; or ~first[place] the first of several, behind which stands next[row], up to -1.
 */
export function rowsOfPlaces(
  list: usize,
  exact: usize,
  count: usize,
  scores: usize,
  first: usize,
  next: usize,
  allowed: usize,
  outRows: usize,
  outScores: usize,
): usize {
  let n: usize = 0;
  for (let i: usize = 0; i < count; i++) {
    const place = <usize>load<u32>(list + (i << 2));
    const score = load<f32>(exact + (i << 2));
    store<f32>(scores + (place << 2), score);
    if (score != score) continue;
    const only = load<i32>(first + (place << 2));
    if (only >= 0) {
      store<i32>(outRows + (n << 2), only);
      store<f32>(outScores + (n << 2), score);
      n++;
      continue;
    }
    for (let row = ~only; row >= 0; row = load<i32>(next + (<usize>row << 2))) {
      if (load<u8>(allowed + <usize>row) == 0) continue;
      store<i32>(outRows + (n << 2), row);
      store<f32>(outScores + (n << 2), score);
      n++;
    }
  }
  return n;
}

/** out[r] = scores[placeOf[r]] for r < rows */
export function scoresOfRows(scores: usize, placeOf: usize, rows: usize, out: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    store<f32>(out + (r << 2), load<f32>(scores + (<usize>load<u32>(placeOf + (r << 2)) << 2)));
  }
}
