/** Rows collected into batches: what every importer yields. */
import { basename } from "node:path";
import type { Event } from "../../events/index.ts";
import type { BadRow, ImportBatch } from "../importer.ts";
import type { Table } from "../tables/table.ts";

/** Events of a batch, about: a piece of a file is taken whole. */
const BATCH = 10_000;

export class BatchBuilder {
  private readonly file: string;
  private readonly name: string;
  private events: Event[] = [];
  private bad: BadRow[] = [];
  private rows = 0;
  private bytes = 0;

  constructor(file: string) {
    this.file = file;
    this.name = basename(file);
  }

  /** Counts a row; its events follow with `add`. */
  row(): void {
    this.rows++;
  }

  add(event: Event): void {
    this.events.push(event);
  }

  /** Counts a row that was not counted with `row`, as a bad one. */
  badRow(line: number, reason: string): void {
    this.rows++;
    this.fail(line, reason);
  }

  /** Makes the row that was counted last a bad one. */
  fail(line: number, reason: string): void {
    this.bad.push({ file: this.name, line, reason });
  }

  /** The result of a parser: an event, or why there is none. */
  put(line: number, result: Event | string): void {
    if (typeof result === "string") this.fail(line, result);
    else this.events.push(result);
  }

  /** Yields what has been collected where it is enough, or where `last`. `done` as tables and lines give it. */
  *take(done: number, last = false): Generator<ImportBatch> {
    if (!Number.isNaN(done)) this.bytes = done;
    const enough = this.events.length >= BATCH || this.bad.length >= BATCH;
    const nothing = this.rows === 0 && this.events.length === 0;
    if (nothing || !(enough || last)) return;
    yield { file: this.file, events: this.events, rows: this.rows, bad: this.bad, bytes: this.bytes };
    this.events = [];
    this.bad = [];
    this.rows = 0;
  }
}

/** A table's rows as batches; `convert` puts a row's events into the builder. */
export async function* tableBatches(
  table: Table,
  wanted: readonly string[],
  convert: (cells: readonly unknown[], line: number, out: BatchBuilder) => void,
): AsyncGenerator<ImportBatch> {
  const out = new BatchBuilder(table.path);
  const sink = {
    row(cells: readonly unknown[], line: number) {
      out.row();
      convert(cells, line, out);
    },
    bad: (line: number, reason: string) => out.badRow(line, reason),
  };
  for await (const done of table.read(wanted, sink)) yield* out.take(done);
  yield* out.take(Number.NaN, true);
}
