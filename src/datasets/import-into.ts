/**
 * An import: detect the format, check every row, then append. The first pass parses the whole file and appends
 * nothing, so that a file with too many bad rows, or the wrong file, leaves no trace in the log; the second appends.
 * That costs the parsing twice: 0.7 of the 2.3 µs of CPU that a row of CSV takes into the file log (bench/import.ts).
 * Appending while checking and taking back what was appended is no choice in a log that others read.
 *
 * An import that is interrupted during the second pass has applied a part of a good file. Run again, the log skips by
 * id what it has.
 */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { type EpochMs, type Offset, type Progress, UpnextError } from "../core/index.ts";
import type { Event, EventKind, EventLog } from "../events/index.ts";
import type { BadRow, ImportBatch, Importer, ImportSource } from "./importer.ts";
import { type ItemsPlan, planItems, readItems } from "./items-file.ts";
import type { ItemColumnMapping } from "./rows/column-mapping.ts";
import { sniff } from "./text/bytes.ts";

export interface ImportRequest extends ImportSource {
  /** Name of an importer; detected where absent. */
  readonly format?: string;
  /** A table with facts of items, read before the data. */
  readonly items?: string;
  readonly itemColumns?: ItemColumnMapping;
  /** The largest share of bad rows of a file that is accepted. Default 0.01. */
  readonly maxBad?: number;
  readonly now: EpochMs;
}

export interface ImportReport {
  readonly format: string;
  /** Why it is this format, and what was guessed. */
  readonly why: string;
  /** The same for the items file. */
  readonly items: string | null;
  /** Rows of all files, good and bad. */
  readonly rows: number;
  readonly bad: number;
  /** The first bad rows, at most 20. */
  readonly badRows: readonly BadRow[];
  /** Events that the rows made, by kind. */
  readonly events: Readonly<Partial<Record<EventKind, number>>>;
  /** Events that were new to the log. */
  readonly accepted: number;
  /** Events that the log had, or that came twice. */
  readonly duplicates: number;
  /** End of the log after the import. */
  readonly offset: Offset;
}

const DEFAULT_MAX_BAD = 0.01;

/** Bad rows that a report and an error show. */
const SHOWN = 20;

/** Events of one append; a batch of an importer may be larger. */
const APPEND = 10_000;

/**
 * Rejects with `data_not_found`, `unknown_format`, `invalid_columns`, `empty_data` or `too_many_bad_rows` before
 * anything is appended, and with the log's errors after that.
 */
export async function importInto(
  importers: readonly Importer[],
  log: Pick<EventLog, "append">,
  request: ImportRequest,
  progress: Progress,
): Promise<ImportReport> {
  const maxBad = request.maxBad ?? DEFAULT_MAX_BAD;
  if (!(maxBad >= 0 && maxBad <= 1)) {
    throw new UpnextError("invalid_request", `maxBad: expected a share from 0 to 1; got ${maxBad}.`);
  }
  const plan = await makePlan(importers, request);
  progress.note(`${basename(request.path)}: ${plan.importer.name}: ${plan.why}`);
  if (plan.items !== null) progress.note(`${basename(plan.items.table.path)}: items: ${plan.items.about}`);
  const checked = await check(plan, maxBad, progress);
  for (const bad of checked.badRows) progress.note(line(bad));
  const appended = await append(plan, log, progress);
  return {
    format: plan.importer.name,
    why: plan.why,
    items: plan.items?.about ?? null,
    rows: checked.rows,
    bad: checked.bad,
    badRows: checked.badRows,
    events: checked.events,
    ...appended,
  };
}

interface Plan {
  readonly importer: Importer;
  readonly why: string;
  readonly items: ItemsPlan | null;
  readonly request: ImportRequest;
  /** Bytes of all files. */
  readonly bytes: number;
}

async function makePlan(importers: readonly Importer[], request: ImportRequest): Promise<Plan> {
  const found = await sniff(request.path);
  if (found.kind === "file" && found.head.length === 0) {
    throw new UpnextError("empty_data", `${request.path}: the file is empty; expected rows. Check the path.`);
  }
  const { importer, why } = await detectFormat(importers, request);
  const items = request.items === undefined ? null : await planItems(request.items, request.itemColumns);
  const files = await importer.files(request);
  let bytes = 0;
  for (const file of items === null ? files : [items.table.path, ...files]) bytes += (await stat(file)).size;
  return { importer, why, items, request, bytes };
}

/** The importer of the asked-for format, or the first of the list that knows the data. */
export async function detectFormat(
  importers: readonly Importer[],
  request: ImportSource & { readonly format?: string },
): Promise<{ readonly importer: Importer; readonly why: string }> {
  const names = importers.map((importer) => importer.name).join(", ");
  if (request.format !== undefined) {
    const importer = importers.find((candidate) => candidate.name === request.format);
    if (importer === undefined) {
      throw new UpnextError("unknown_format", `format: expected one of ${names}; got "${request.format}".`);
    }
    if (request.columns !== undefined && !importer.takesColumns) {
      throw new UpnextError(
        "invalid_columns",
        `format ${importer.name} has fixed columns. Leave the mapping out.`,
      );
    }
    return { importer, why: (await importer.detect(request)) ?? "as asked for" };
  }
  for (const importer of importers) {
    if (request.columns !== undefined && !importer.takesColumns) continue;
    const why = await importer.detect(request);
    if (why !== null) return { importer, why };
  }
  const known = importers.map((importer) => `${importer.name} (${importer.about})`).join("; ");
  throw new UpnextError(
    "unknown_format",
    `${request.path}: no importer knows this data. Known: ${known}. ` +
      "For a table with other column names, map them: --columns user=COLUMN,item=COLUMN,time=COLUMN",
  );
}

async function* batches(plan: Plan): AsyncGenerator<ImportBatch> {
  if (plan.items !== null) yield* readItems(plan.items);
  yield* plan.importer.read(plan.request, { now: plan.request.now });
}

/** Turns the batches' bytes of one file into bytes of all. */
function byteCounter(progress: Progress): (batch: ImportBatch) => void {
  const done = new Map<string, number>();
  return (batch) => {
    done.set(batch.file, batch.bytes);
    let sum = 0;
    for (const bytes of done.values()) sum += bytes;
    progress.update(sum);
  };
}

interface Checked {
  rows: number;
  bad: number;
  readonly badRows: BadRow[];
  readonly events: Partial<Record<EventKind, number>>;
}

/** The first pass. Bad rows are judged a file: many good ratings do not excuse a broken items file. */
async function check(plan: Plan, maxBad: number, progress: Progress): Promise<Checked> {
  progress.step("check", plan.bytes, "bytes");
  const count = byteCounter(progress);
  const checked: Checked = { rows: 0, bad: 0, badRows: [], events: {} };
  const files = new Map<string, { rows: number; bad: BadRow[]; badCount: number }>();
  for await (const batch of batches(plan)) {
    const file = files.get(batch.file) ?? { rows: 0, bad: [], badCount: 0 };
    files.set(batch.file, file);
    file.rows += batch.rows;
    file.badCount += batch.bad.length;
    file.bad.push(...batch.bad.slice(0, SHOWN - file.bad.length));
    checked.rows += batch.rows;
    checked.bad += batch.bad.length;
    checked.badRows.push(...batch.bad.slice(0, SHOWN - checked.badRows.length));
    for (const { kind } of batch.events) checked.events[kind] = (checked.events[kind] ?? 0) + 1;
    count(batch);
  }
  for (const [path, { rows, bad, badCount }] of files)
    if (badCount > maxBad * rows) refuse(path, rows, bad, badCount, maxBad);
  if ((checked.events.interaction ?? 0) + (checked.events.impression ?? 0) === 0) {
    throw new UpnextError(
      "empty_data",
      `${plan.request.path}: ${checked.rows} rows and not one interaction in them. Check the path and the columns.`,
    );
  }
  return checked;
}

function refuse(path: string, rows: number, bad: readonly BadRow[], count: number, maxBad: number): never {
  const first = bad.map(line).join("\n");
  throw new UpnextError(
    "too_many_bad_rows",
    `${path}: ${count} of ${rows} rows are bad, more than ${100 * maxBad} %; nothing was imported. ` +
      `Mend them, or accept the loss with --max-bad ${Math.min(1, Math.ceil((1000 * count) / rows) / 1000)}. The first:\n${first}`,
  );
}

function line(bad: BadRow): string {
  return `${bad.file}:${bad.line}: ${bad.reason}`;
}

/** The second pass. One append is under way while the next batch is parsed, never two. */
async function append(plan: Plan, log: Pick<EventLog, "append">, progress: Progress) {
  progress.step("import", plan.bytes, "bytes");
  const count = byteCounter(progress);
  const sum = { accepted: 0, duplicates: 0, offset: 0 as Offset };
  const settle = async (under: ReturnType<EventLog["append"]>) => {
    const { accepted, duplicates, offset } = await under;
    sum.accepted += accepted;
    sum.duplicates += duplicates;
    sum.offset = offset;
  };
  let under: Promise<void> = Promise.resolve();
  try {
    for await (const batch of batches(plan)) {
      for (const events of pieces(batch.events)) {
        await under;
        under = settle(log.append(events));
        // It is awaited later; until then a rejection must not count as one that nobody handles.
        under.catch(() => {});
      }
      count(batch);
    }
  } finally {
    await under;
  }
  return sum;
}

function* pieces(events: readonly Event[]): Generator<readonly Event[]> {
  if (events.length <= APPEND) {
    if (events.length > 0) yield events;
    return;
  }
  for (let at = 0; at < events.length; at += APPEND) yield events.slice(at, at + APPEND);
}
