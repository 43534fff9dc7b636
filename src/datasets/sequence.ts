/**
 * Sequences without times, as papers on sequential recommendation share them: one `user item` pair a line, a user's
 * lines together and in order; or one user a line, `user item item item …`. Beside the file may lie `items.tsv`
 * (titles), `users.tsv` and `NAME_item2attributes.json`.
 *
 * Times are made up: one hour a step, and every user's sequence ends at the same moment, so that a cut in time cuts
 * all users at the same distance from their end. An id holds the position and not the time: a file in which a user
 * has grown gives the old events their old ids, but since the old times stay in the log, the new items tie with the
 * last old one. Data that grows needs real times.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type EpochMs, type EventId, HOUR, type ItemId, UpnextError, type UserId } from "../core/index.ts";
import { contentId } from "./content-id.ts";
import type { ImportBatch, Importer } from "./importer.ts";
import { planItems, readItems } from "./items-file.ts";
import { fileOf, type Layout, layoutAt } from "./layout.ts";
import { BatchBuilder, tableBatches } from "./rows/batches.ts";
import { idProblem, isAbsent, parseId } from "./rows/cells.ts";
import { toItem, userUpsert } from "./rows/item-rows.ts";
import { requireCsv } from "./tables/csv-table.ts";
import { isObject } from "./tables/jsonl-table.ts";
import { sniff } from "./text/bytes.ts";
import { eachLine, OVERLONG } from "./text/lines.ts";
import { decode, withoutMark } from "./text/text-blocks.ts";

/** Where every sequence ends: 2020-01-01T00:00Z. */
export const SEQUENCE_END = Date.UTC(2020, 0, 1) as EpochMs;

/** More items of one user would begin before 1970. */
export const LONGEST_SEQUENCE = 400_000;

type Shape = "pairs" | "users";

interface SequenceSet {
  readonly file: string;
  readonly shape: Shape;
  readonly items: string | undefined;
  readonly users: string | undefined;
  readonly attributes: string | undefined;
}

/**
 * The shape of a text, by its first whole lines: ids are whole numbers divided by blanks or tabs; a line with other
 * than two makes it one user a line, and then no user may come twice. Null where it is neither.
 */
function shapeOf(head: Buffer, path: string): Shape | null {
  if (head.length === 0 || head.includes(0)) return null;
  const text = decode(withoutMark(head, path));
  const end = text.lastIndexOf("\n");
  const lines = (end < 0 ? text : text.slice(0, end)).split("\n").filter((line) => line.trim() !== "");
  const rows = lines.slice(0, 1000).map((line) => line.trim().split(/[ \t]+/));
  if (rows.length === 0 || rows.some((row) => row.length < 2 || row.some((id) => !/^\d+$/.test(id))))
    return null;
  if (rows.every((row) => row.length === 2)) return "pairs";
  // `user item rating time` without a header (u.data of MovieLens-100k) has times in seconds.
  if (rows.every((row) => row.length === 4 && Number(row[3]) > 1e8)) return null;
  return new Set(rows.map((row) => row[0])).size === rows.length ? "users" : null;
}

async function find(path: string): Promise<SequenceSet | null> {
  const layout = await layoutAt(path);
  const candidates =
    layout.found.kind === "file"
      ? [path]
      : layout.names.filter((name) => /\.txt(\.gz)?$/.test(name)).map((name) => join(path, name));
  const sets: SequenceSet[] = [];
  for (const file of candidates) {
    const found = await sniff(file);
    const shape = found.kind === "file" ? shapeOf(found.head, file) : null;
    if (shape !== null) sets.push({ file, shape, ...neighbours(layout, file) });
  }
  if (sets.length > 1) {
    const names = sets.map((set) => basename(set.file)).join(", ");
    throw new UpnextError(
      "unknown_format",
      `${path}: several files are sequences: ${names}. Give the path of one.`,
    );
  }
  return sets[0] ?? null;
}

function neighbours(layout: Layout, file: string): Pick<SequenceSet, "items" | "users" | "attributes"> {
  const stem = basename(file)
    .replace(/\.gz$/, "")
    .replace(/\.[^.]*$/, "");
  const attributes = `${stem}_item2attributes.json`;
  return {
    items: fileOf(layout, "items.tsv"),
    users: fileOf(layout, "users.tsv"),
    attributes: layout.names.includes(attributes) ? join(layout.directory, attributes) : undefined,
  };
}

async function required(path: string): Promise<SequenceSet> {
  const set = await find(path);
  if (set !== null) return set;
  throw new UpnextError("unknown_format", `${path}: expected ${sequence.about}, ids being whole numbers.`);
}

function beside(set: SequenceSet): string[] {
  return [set.items, set.users, set.attributes].filter((file) => file !== undefined);
}

export const sequence: Importer = {
  name: "sequence",
  about: "sequences without times: a pair `user item` a line in order, or `user item item …` a line",
  takesColumns: false,
  async detect({ path }) {
    const set = await find(path);
    if (set === null) return null;
    const shape =
      set.shape === "pairs" ? 'one pair "user item" a line' : 'one user a line, "user item item …"';
    const files = beside(set).map((file) => basename(file));
    const facts = files.length === 0 ? "" : `; ${files.join(", ")} beside it`;
    return `${basename(set.file)} has ${shape}, whole numbers and no times${facts}; times are made up, an hour a step, all ending on 2020-01-01`;
  },
  async files({ path }) {
    const set = await required(path);
    return [...beside(set), set.file];
  },
  async *read({ path }) {
    const set = await required(path);
    if (set.items !== undefined) yield* readItems(await planItems(set.items));
    if (set.users !== undefined) yield* readUsers(set.users);
    if (set.attributes !== undefined) yield* readAttributes(set.attributes);
    yield* readSequences(set);
  },
};

async function* readUsers(path: string): AsyncGenerator<ImportBatch> {
  const table = await requireCsv(path);
  const names = table.columns;
  yield* tableBatches(table, names, (cells, line, out) => {
    const user = parseId(cells[0]);
    if (user === undefined) return out.fail(line, `user ${idProblem(cells[0])}`);
    const facts: Record<string, string> = {};
    for (let i = 1; i < names.length; i++) if (!isAbsent(cells[i])) facts[names[i]!] = String(cells[i]);
    out.add(userUpsert(user, facts));
  });
}

/** One JSON object, item to numbers of attributes; small enough to be read at once. */
async function* readAttributes(path: string): AsyncGenerator<ImportBatch> {
  let map: unknown;
  try {
    map = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new UpnextError(
      "unknown_format",
      `${path}: expected one JSON object, item to list of attributes.`,
      {
        cause: error,
      },
    );
  }
  const out = new BatchBuilder(path);
  for (const [item, attributes] of Object.entries(isObject(map) ? map : {})) {
    out.row();
    out.put(1, toItem({ id: item, categories: attributes }, { durationUnits: 1, published: "s" }));
  }
  yield* out.take(Number.NaN, true);
}

async function* readSequences(set: SequenceSet): AsyncGenerator<ImportBatch> {
  const out = new BatchBuilder(set.file);
  const users = new UserSequences(out);
  const sink = {
    line: (text: string, line: number) => users.line(text, line, set.shape),
    overlong: (line: number) => out.badRow(line, OVERLONG),
  };
  for await (const done of eachLine(set.file, sink)) yield* out.take(done);
  users.flush();
  yield* out.take(Number.NaN, true);
}

/** Holds one user's items until the sequence is known to be whole, since its length decides its times. */
class UserSequences {
  private readonly out: BatchBuilder;
  private readonly seen = new Set<string>();
  private user: string | undefined;
  private items: string[] = [];

  constructor(out: BatchBuilder) {
    this.out = out;
  }

  line(text: string, line: number, shape: Shape): void {
    const row = text.trim().split(/[ \t]+/);
    if (row[0] === "") return;
    this.out.row();
    if (shape === "users") this.flush();
    const problem = this.take(row, shape);
    if (problem !== undefined) this.out.fail(line, problem);
  }

  private take(row: readonly string[], shape: Shape): string | undefined {
    if (row.length < 2 || (shape === "pairs" && row.length > 2)) {
      return `expected "user item${shape === "pairs" ? "" : " item …"}"; ${row.length} ids came`;
    }
    const wrong = row.find((id) => parseId(id) === undefined);
    if (wrong !== undefined) return `an id ${idProblem(wrong)}`;
    const [user, ...items] = row.map((id) => parseId(id)!) as [string, ...string[]];
    if (user !== this.user) {
      if (this.seen.has(user)) return "the user's sequence ended further up; its lines must be together";
      this.flush();
      this.user = user;
      this.seen.add(user);
    }
    if (this.items.length + items.length > LONGEST_SEQUENCE)
      return `the user has more than ${LONGEST_SEQUENCE} items`;
    this.items.push(...items);
    return undefined;
  }

  /** The sequence is whole: its events go out. */
  flush(): void {
    const { user, items } = this;
    if (user === undefined) return;
    for (let i = 0; i < items.length; i++) {
      this.out.add({
        kind: "interaction",
        id: contentId("sequence", user, items[i], i) as EventId,
        time: (SEQUENCE_END - (items.length - 1 - i) * HOUR) as EpochMs,
        user: user as UserId,
        item: items[i] as ItemId,
        type: "view",
      });
    }
    this.user = undefined;
    this.items = [];
  }
}
