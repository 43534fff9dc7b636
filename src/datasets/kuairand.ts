/**
 * KuaiRand-Pure (Gao et al., CIKM 2022, arXiv 2208.08696): short videos shown to users, with what each user did. Each
 * row of `impressions.csv` becomes one impression of one slot and the interactions that answer it, all at the row's
 * time. Exact copies of a row collapse into one.
 *
 * `is_rand` goes into the impression's model, `tab` (the page) into the surface. `long_view` and
 * `is_profile_enter` have no event of their own: the first follows from the share watched and the duration.
 *
 * `user_history.jsonl` lists what users did before, without times; see kuairand-history.ts.
 */
import type { EpochMs, EventId, ItemId, RequestId, UserId } from "../core/index.ts";
import { UpnextError } from "../core/index.ts";
import type { Impression, Interaction, InteractionType, UserFacts } from "../events/index.ts";
import { contentId } from "./content-id.ts";
import type { ImportBatch, Importer } from "./importer.ts";
import { HISTORY_END, readHistory } from "./kuairand-history.ts";
import { fileOf, isGiven, layoutAt } from "./layout.ts";
import { type BatchBuilder, tableBatches } from "./rows/batches.ts";
import { idProblem, isAbsent, parseId, parseNumber, shown } from "./rows/cells.ts";
import { interaction, type RowRules, rowRules, timeProblem } from "./rows/interaction-rows.ts";
import { toItem, userUpsert } from "./rows/item-rows.ts";
import { parseTime } from "./rows/timestamps.ts";
import { requireCsv } from "./tables/csv-table.ts";

const FLAGS = [
  ["is_click", "click"],
  ["is_like", "like"],
  ["is_follow", "follow"],
  ["is_comment", "comment"],
  ["is_forward", "share"],
  ["is_hate", "hide"],
] as const satisfies readonly (readonly [string, InteractionType])[];

const WANTED = [
  "user_id",
  "video_id",
  "time_ms",
  "play_time_ms",
  "duration_ms",
  "is_rand",
  "tab",
  ...FLAGS.map(([column]) => column),
] as const;

/** Columns before the flags. */
const FIXED = WANTED.length - FLAGS.length;

interface KuaiRand {
  readonly impressions: string;
  readonly videos: string | undefined;
  readonly users: string | undefined;
  readonly history: string | undefined;
}

async function find(path: string): Promise<KuaiRand | null> {
  const layout = await layoutAt(path);
  const impressions = fileOf(layout, "impressions.csv");
  if (impressions === undefined || !isGiven(layout, [impressions])) return null;
  const { columns } = await requireCsv(impressions);
  if (!WANTED.every((column) => columns.includes(column))) return null;
  return {
    impressions,
    videos: fileOf(layout, "video_features.csv"),
    users: fileOf(layout, "user_features.csv"),
    history: fileOf(layout, "user_history.jsonl"),
  };
}

async function required(path: string): Promise<KuaiRand> {
  const set = await find(path);
  if (set !== null) return set;
  throw new UpnextError("unknown_format", `${path}: expected ${kuairand.about}.`);
}

export const kuairand: Importer = {
  name: "kuairand",
  about:
    "KuaiRand: impressions.csv, with video_features.csv, user_features.csv and user_history.jsonl beside it",
  takesColumns: false,
  async detect({ path }) {
    const set = await find(path);
    if (set === null) return null;
    const beside = Object.entries(set).filter(([name, file]) => name !== "impressions" && file !== undefined);
    const names = beside.map(([name]) => name).join(", ");
    return `impressions.csv has KuaiRand's columns${names === "" ? "" : `; ${names} beside it`}; times are milliseconds`;
  },
  async files({ path }) {
    const set = await required(path);
    return [set.videos, set.users, set.history, set.impressions].filter((file) => file !== undefined);
  },
  async *read({ path }, { now }) {
    const set = await required(path);
    if (set.videos !== undefined) yield* readVideos(set.videos);
    if (set.users !== undefined) yield* readUsers(set.users);
    if (set.history !== undefined) yield* readHistory(set.history);
    const rules = rowRules("ms", "view", now);
    yield* tableBatches(await requireCsv(set.impressions), WANTED, (cells, line, out) => {
      const problem = addRow(cells, rules, out);
      if (problem !== undefined) out.fail(line, problem);
    });
  },
};

/** Adds the row's events, or says why it is bad. */
function addRow(cells: readonly unknown[], rules: RowRules, out: BatchBuilder): string | undefined {
  const user = parseId(cells[0]);
  if (user === undefined) return `user_id ${idProblem(cells[0])}`;
  const item = parseId(cells[1]);
  if (item === undefined) return `video_id ${idProblem(cells[1])}`;
  const time = parseTime(cells[2], "ms");
  if (!(time >= 0 && time <= rules.latest)) return timeProblem(cells[2], time, rules);
  const numbers = cells.slice(3, WANTED.length).map(parseNumber);
  const wrong = numbers.findIndex((n) => !(n >= 0));
  if (wrong >= 0) return `${WANTED[wrong + 3]}: expected a number >= 0; got ${shown(cells[wrong + 3])}`;
  const [played, duration, random, tab] = numbers as [number, number, number, number];
  const request = contentId("kuairand", user, item, time, ...numbers) as RequestId;
  const surface = `tab-${tab}`;
  out.add(impression(request, user, item, time, random > 0, surface));
  const add = (type: InteractionType, value?: number) => {
    const done: Interaction = interaction(user, item, time, type, value);
    out.add({ ...done, request, surface });
  };
  if (played > 0) add("watch", duration > 0 ? Math.min(1, played / duration) : undefined);
  for (let i = 0; i < FLAGS.length; i++) if (numbers[FIXED - 3 + i]! > 0) add(FLAGS[i]![1]);
  return undefined;
}

function impression(
  request: RequestId,
  user: string,
  item: string,
  time: number,
  random: boolean,
  surface: string,
): Impression {
  return {
    kind: "impression",
    id: contentId("impression", request) as EventId,
    time: time as EpochMs,
    user: user as UserId,
    request,
    slots: [{ item: item as ItemId, position: 0 }],
    model: random ? "kuairand-random" : "kuairand",
    surface,
  };
}

/** `upload_dt` is a day in Beijing; its beginning is taken, so that no video is younger than its first impression. */
async function* readVideos(path: string): AsyncGenerator<ImportBatch> {
  const wanted = ["video_id", "author_id", "tag", "video_duration", "upload_dt"];
  yield* tableBatches(await requireColumns(path, wanted), wanted, (cells, line, out) => {
    const [id, creator, categories, duration, day] = cells;
    const publishedAt = isAbsent(day) ? undefined : `${String(day)}T00:00+08:00`;
    const item = { id, creator, categories, duration, publishedAt };
    out.put(line, toItem(item, { durationUnits: 1000, published: "iso" }));
  });
}

/** Every filled column is a fact, numbers as numbers, known since the impressions began. */
async function* readUsers(path: string): AsyncGenerator<ImportBatch> {
  const table = await requireColumns(path, ["user_id"]);
  const names = table.columns.filter((column) => column !== "user_id");
  yield* tableBatches(table, ["user_id", ...names], (cells, line, out) => {
    const user = parseId(cells[0]);
    if (user === undefined) return out.fail(line, `user_id ${idProblem(cells[0])}`);
    const facts: Record<string, UserFacts[string]> = {};
    for (let i = 0; i < names.length; i++) {
      const cell = cells[i + 1];
      if (isAbsent(cell)) continue;
      const number = parseNumber(cell);
      facts[names[i]!] = Number.isNaN(number) ? String(cell) : number;
    }
    out.add(userUpsert(user, facts, HISTORY_END));
  });
}

async function requireColumns(path: string, wanted: readonly string[]) {
  const table = await requireCsv(path);
  const missing = wanted.filter((column) => !table.columns.includes(column));
  if (missing.length === 0) return table;
  throw new UpnextError(
    "invalid_columns",
    `${path}: expected KuaiRand's columns; ${missing.join(", ")} is not there.`,
  );
}
