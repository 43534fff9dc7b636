/** What kernels.wasm exports: the functions of src/tensor/assembly. */

/** Addresses are bytes into the memory, `bytes` is the length of a row (4 k); shapes are in assembly/*.ts. */
export interface KernelFunctions {
  alsHalf(
    ...args: [
      start: number,
      end: number,
      bytes: number,
      steps: number,
      offsets: number,
      items: number,
      extra: number,
      lambda: number,
      y: number,
      x: number,
      gram: number,
      scratch: number,
    ]
  ): void;
  foldIn(
    ...args: [
      count: number,
      k: number,
      items: number,
      extra: number,
      y: number,
      base: number,
      rows: number,
      sum: number,
      factor: number,
      right: number,
      x: number,
    ]
  ): number;
  conjugateGradient(
    ...args: [
      a: number,
      b: number,
      bytes: number,
      steps: number,
      tolerance: number,
      x: number,
      scratch: number,
    ]
  ): void;
  gram(y: number, from: number, to: number, bytes: number, out: number): void;
  dotRows(matrix: number, bytes: number, rows: number, count: number, vector: number, out: number): void;
  highestRow(matrix: number, bytes: number, count: number, offsets: number, vector: number): number;
  scoreRows(matrix: number, bytes: number, rows: number, vector: number, out: number): void;
  selectTop(
    ...args: [scores: number, allowed: number, rows: number, n: number, topScores: number, topRows: number]
  ): number;
  selectBest(
    ...args: [
      rows: number,
      scores: number,
      n: number,
      k: number,
      pairs: number,
      others: number,
      counters: number,
    ]
  ): void;
  nthBest(scores: number, n: number, wanted: number, counters: number): number;
  sumExp(scores: number, times: number, places: number, top: number): number;
  sumExpOfBest(
    ...args: [
      rows: number,
      exact: number,
      first: number,
      n: number,
      lastScore: number,
      lastRow: number,
      top: number,
    ]
  ): number;
  highestOf(scores: number, times: number, places: number): number;
  allowPlaces(
    ...args: [
      counts: number,
      taken: number,
      places: number,
      placeOf: number,
      allowed: number,
      rows: number,
      live: number,
      flags: number,
    ]
  ): void;
  rowsOfPlaces(
    ...args: [
      list: number,
      exact: number,
      looked: number,
      count: number,
      first: number,
      next: number,
      allowed: number,
      heads: number,
      outRows: number,
      outExact: number,
      outFirst: number,
    ]
  ): number;
  rowsWithout(allowed: number, rows: number, most: number, out: number): number;
  scoresOfRows(scores: number, placeOf: number, rows: number, out: number): void;
  addLists(
    ...args: [entries: number, lists: number, count: number, slots: number, shift: number, records: number]
  ): number;
  addPlaces(
    ...args: [
      places: number,
      lists: number,
      count: number,
      near: number,
      slots: number,
      shift: number,
      records: number,
    ]
  ): number;
  spansAround(items: number, anchors: number, n: number, reach: number, spans: number): number;
  addAround(
    ...args: [
      items: number,
      anchors: number,
      votes: number,
      n: number,
      spans: number,
      before: number,
      after: number,
      factors: number,
      slots: number,
      shift: number,
      records: number,
    ]
  ): number;
  fuseLists(
    ...args: [
      entries: number,
      lists: number,
      count: number,
      flatness: number,
      slots: number,
      shift: number,
      records: number,
    ]
  ): number;
  placesIn(
    ...args: [
      rows: number,
      n: number,
      entries: number,
      scores: number,
      lists: number,
      count: number,
      slots: number,
      shift: number,
      records: number,
      ranks: number,
      found: number,
    ]
  ): void;
  readSums(
    ...args: [rows: number, n: number, slots: number, shift: number, records: number, out: number]
  ): void;
  lnColumns(columns: number, bytes: number, chosen: number, count: number): void;
  rowsOfColumns(columns: number, bytes: number, width: number, count: number, rows: number): void;
  columnsOfRows(rows: number, width: number, columns: number, bytes: number): void;
  fadeColumns(
    ...args: [counts: number, count: number, since: number, exponent: number, bytes: number, out: number]
  ): void;
  maxColumn(a: number, b: number, bytes: number, out: number): void;
  ratioColumn(a: number, b: number, bytes: number, out: number): void;
  rateColumn(
    ...args: [
      hits: number,
      trials: number,
      prior: number,
      strength: number,
      least: number,
      bytes: number,
      out: number,
    ]
  ): void;
  oddsColumn(
    ...args: [
      hits: number,
      trials: number,
      prior: number,
      strength: number,
      most: number,
      bytes: number,
      out: number,
    ]
  ): void;
  oddsOfColumn(rate: number, bytes: number, out: number): void;
  quantiseRows(
    ...args: [
      matrix: number,
      bytes: number,
      rows: number,
      from: number,
      to: number,
      share: number,
      out: number,
      width: number,
      scales: number,
      errors: number,
      lengths: number,
    ]
  ): void;
  scanRows(
    ...args: [
      matrix: number,
      width: number,
      rows: number,
      vector: number,
      scales: number,
      unit: number,
      out: number,
    ]
  ): void;
  scanPlaces(
    ...args: [
      matrix: number,
      width: number,
      list: number,
      count: number,
      vector: number,
      scales: number,
      unit: number,
      out: number,
    ]
  ): void;
  sampleFloors(
    ...args: [
      scores: number,
      errors: number,
      length: number,
      rows: number,
      allowed: number,
      from: number,
      to: number,
      step: number,
      out: number,
    ]
  ): number;
  rowsAbove(
    ...args: [
      scores: number,
      errors: number,
      length: number,
      rows: number,
      allowed: number,
      from: number,
      to: number,
      floor: number,
      certain: number,
      out: number,
      lows: number,
      highs: number,
    ]
  ): number;
  keepAbove(rows: number, highs: number, count: number, floor: number): number;
}

/** Their names: a binary that lacks one was compiled of other sources. */
export const KERNELS = [
  "alsHalf",
  "conjugateGradient",
  "foldIn",
  "gram",
  "dotRows",
  "highestRow",
  "scoreRows",
  "selectTop",
  "selectBest",
  "nthBest",
  "sumExp",
  "sumExpOfBest",
  "highestOf",
  "allowPlaces",
  "rowsOfPlaces",
  "rowsWithout",
  "scoresOfRows",
  "addLists",
  "addPlaces",
  "spansAround",
  "addAround",
  "fuseLists",
  "placesIn",
  "readSums",
  "lnColumns",
  "rowsOfColumns",
  "columnsOfRows",
  "fadeColumns",
  "maxColumn",
  "ratioColumn",
  "rateColumn",
  "oddsColumn",
  "oddsOfColumn",
  "quantiseRows",
  "scanRows",
  "scanPlaces",
  "sampleFloors",
  "rowsAbove",
  "keepAbove",
] as const;
