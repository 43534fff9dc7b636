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
 * Of some places (count) with exact scores, and those of a first look: the places' rows with allowed[row] != 0 to outRows
 * and their scores to outExact and outFirst, those whose exact score is NaN left out. Returns how many rows these are.
 * first[place] is the only row of a place, or ~first[place] the first of several, behind which stands next[row], up to
 * -1. The heads of the places are read into outRows first: they lie anywhere, and memory brings many at a time.
 */
export function rowsOfPlaces(
  list: usize,
  exact: usize,
  looked: usize,
  count: usize,
  first: usize,
  next: usize,
  allowed: usize,
  heads: usize,
  outRows: usize,
  outExact: usize,
  outFirst: usize,
): usize {
  for (let i: usize = 0; i < count; i++) {
    store<i32>(heads + (i << 2), load<i32>(first + (<usize>load<u32>(list + (i << 2)) << 2)));
  }
  let n: usize = 0;
  for (let i: usize = 0; i < count; i++) {
    const score = load<f32>(exact + (i << 2));
    if (score != score) continue;
    const seen = load<f32>(looked + (i << 2));
    const head = load<i32>(heads + (i << 2));
    let row = head >= 0 ? head : ~head;
    do {
      store<i32>(outRows + (n << 2), row);
      store<f32>(outExact + (n << 2), score);
      store<f32>(outFirst + (n << 2), seen);
      n += usize(load<u8>(allowed + <usize>row) != 0);
      row = head >= 0 ? -1 : load<i32>(next + (<usize>row << 2));
    } while (row >= 0);
  }
  return n;
}

/** The rows with allowed[row] == 0, in rising order, to `out`; no more than `most` of them. Returns how many there are, most + 1 of more. */
export function rowsWithout(allowed: usize, rows: usize, most: usize, out: usize): usize {
  let n: usize = 0;
  let r: usize = 0;
  while (r < rows) {
    if (r + 16 <= rows && i8x16.all_true(v128.load(allowed + r))) {
      r += 16;
      continue;
    }
    const stop = min(r + 16, rows);
    for (; r < stop; r++) {
      if (load<u8>(allowed + r) != 0) continue;
      if (n == most) return most + 1;
      store<u32>(out + (n << 2), <u32>r);
      n++;
    }
  }
  return n;
}

/** out[r] = scores[placeOf[r]] for r < rows; of numbers of 32 bits of any kind. */
export function scoresOfRows(scores: usize, placeOf: usize, rows: usize, out: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    store<f32>(out + (r << 2), load<f32>(scores + (<usize>load<u32>(placeOf + (r << 2)) << 2)));
  }
}
