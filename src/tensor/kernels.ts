/**
 * The WebAssembly kernels (src/tensor/assembly) as functions over a memory that the caller lays out.
 *
 * The binary is built into build/ beside src/ and dist/, so the same relative address holds for the sources and for the
 * compiled package. Each `instantiate` has its own memory, which goes away with it.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { UpnextError } from "../core/index.ts";

/** The part of the WebAssembly API in use: it is a global of Node, whose types declare it no more than ES2023 does. */
interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly Memory: new (...args: never) => Memory;
};

/** Addresses are bytes into the memory, `bytes` is the length of a row (4 k); shapes are in assembly/*.ts. */
interface Exports {
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

const PAGE = 65_536;
/** Everything starts on a cache line. */
const ALIGN = 64;
const NAMES = [
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

/** One instance of the module: its functions and a memory that only grows. */
export class Kernels {
  readonly call: Exports;
  private readonly memory: Memory;
  private used = PAGE;

  /** @param room bytes that `reserve` will give without detaching views */
  constructor(room = 0) {
    const { exports } = new WebAssembly.Instance(compiled());
    const { memory } = exports;
    if (
      !(memory instanceof WebAssembly.Memory) ||
      NAMES.some((name) => typeof exports[name] !== "function")
    ) {
      throw new UpnextError(
        "internal",
        `kernels.wasm: expected a memory and ${NAMES.join(", ")}, came ${Object.keys(exports).join(", ")}; ${CURE}`,
      );
    }
    this.memory = memory;
    this.call = exports as unknown as Exports; // checked above
    this.widen(PAGE + room);
  }

  /** Reserves `bytes`, zeroed, and returns their address. Views made before are detached when the memory grows. */
  reserve(bytes: number): number {
    const address = this.used;
    const end = Math.ceil((address + bytes) / ALIGN) * ALIGN;
    this.widen(end);
    this.used = end;
    return address;
  }

  /** Makes the memory at least so many bytes long. */
  private widen(bytes: number): void {
    const missing = bytes - this.memory.buffer.byteLength;
    if (missing <= 0) return;
    try {
      this.memory.grow(Math.ceil(missing / PAGE));
    } catch (cause) {
      throw new UpnextError(
        "internal",
        `kernels: expected room for ${bytes} bytes of WebAssembly memory (at most 4 GiB), which could not be had; train on fewer interactions or with fewer factors`,
        { cause },
      );
    }
  }

  /** Copies an array in and returns its address. */
  put(data: Float32Array | Int32Array): number {
    const address = this.reserve(data.byteLength);
    if (data instanceof Float32Array) this.floats(address, data.length).set(data);
    else this.ints(address, data.length).set(data);
    return address;
  }

  /** A view, valid until the next `reserve`. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  /** A view, valid until the next `reserve`. */
  doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, address, length);
  }

  /** A view, valid until the next `reserve`. */
  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  /** A view, valid until the next `reserve`. */
  shorts(address: number, length: number): Int16Array {
    return new Int16Array(this.memory.buffer, address, length);
  }

  /** A view, valid until the next `reserve`. */
  ints(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length);
  }
}

const CURE = "run `node scripts/build-kernels.mjs`";
let module: object | undefined;

function compiled(): object {
  if (module) return module;
  const path = fileURLToPath(new URL("../../build/kernels.wasm", import.meta.url));
  try {
    module = new WebAssembly.Module(readFileSync(path));
  } catch (cause) {
    throw new UpnextError(
      "internal",
      `kernels: expected the compiled WebAssembly kernels at ${path}; ${CURE}`,
      {
        cause,
      },
    );
  }
  return module;
}
