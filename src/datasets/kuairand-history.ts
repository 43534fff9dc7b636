/**
 * What KuaiRand's users did before the impressions: `{"u": user, "watch": [...], "like": [...], "long": [...]}`, the
 * last 50 or fewer videos each, oldest first, without times. Times are made up: a minute a step, the last one ending
 * at HISTORY_END, which lies before the first impression.
 *
 * `watch` lists everything shown, `long` which of it was watched long; matched from the end. The share watched is not
 * known: each takes the median of the impressions of its kind (measured on KuaiRand-Pure: 0.97 of the rows with
 * long_view, 0.05 of the other played ones). A like or a long watch of a video that is not in `watch` is older than
 * all of it and comes before it.
 */
import { MINUTE } from "../core/index.ts";
import type { ImportBatch } from "./importer.ts";
import { BatchBuilder } from "./rows/batches.ts";
import { idProblem, parseId } from "./rows/cells.ts";
import { interaction } from "./rows/interaction-rows.ts";
import { parseObject } from "./tables/jsonl-table.ts";
import { eachLine, OVERLONG } from "./text/lines.ts";

/** 2022-04-24 23:00 in Beijing; the first impression is at 23:05. */
export const HISTORY_END = Date.UTC(2022, 3, 24, 15);

const LONG_SHARE = 0.97;
const SHORT_SHARE = 0.05;

/** A list holds 50; more than this is not this file. */
const LONGEST_LIST = 10_000;

export async function* readHistory(path: string): AsyncGenerator<ImportBatch> {
  const out = new BatchBuilder(path);
  const sink = {
    line(text: string, line: number) {
      out.row();
      const row = parseObject(text);
      const problem = row === undefined ? "the line is not a JSON object" : addUser(row, out);
      if (problem !== undefined) out.fail(line, problem);
    },
    overlong: (line: number) => out.badRow(line, OVERLONG),
  };
  for await (const done of eachLine(path, sink)) yield* out.take(done);
  yield* out.take(Number.NaN, true);
}

function addUser(row: Readonly<Record<string, unknown>>, out: BatchBuilder): string | undefined {
  const { u, watch = [], like = [], long = [] } = row;
  const user = parseId(u);
  if (user === undefined) return `u ${idProblem(u)}`;
  const lists = [watch, like, long].map(videos);
  const [watched, liked, watchedLong] = lists;
  if (watched === undefined || liked === undefined || watchedLong === undefined) {
    return "watch, like and long: expected lists of video ids";
  }
  const begin = HISTORY_END - watched.length * MINUTE;
  const lastTime = new Map<string, number>();
  const left = counts(watchedLong);
  for (let i = watched.length - 1; i >= 0; i--) {
    const video = watched[i]!;
    const time = begin + (i + 1) * MINUTE;
    if (!lastTime.has(video)) lastTime.set(video, time);
    const isLong = takeOne(left, video);
    out.add(interaction(user, video, time, "watch", isLong ? LONG_SHARE : SHORT_SHARE));
  }
  const older = watchedLong.filter((video) => takeOne(left, video));
  older.forEach((video, i) => {
    out.add(interaction(user, video, begin - (older.length - 1 - i) * MINUTE, "watch", LONG_SHARE));
  });
  const early = liked.filter((video) => !lastTime.has(video));
  early.forEach((video, i) => {
    out.add(interaction(user, video, begin - (early.length - 1 - i) * MINUTE, "like"));
  });
  for (const video of new Set(liked)) {
    const time = lastTime.get(video);
    if (time !== undefined) out.add(interaction(user, video, time, "like"));
  }
  return undefined;
}

function videos(list: unknown): string[] | undefined {
  if (!Array.isArray(list) || list.length > LONGEST_LIST) return undefined;
  const ids = list.map(parseId);
  return ids.every((id) => id !== undefined) ? ids : undefined;
}

function counts(list: readonly string[]): Map<string, number> {
  const count = new Map<string, number>();
  for (const video of list) count.set(video, (count.get(video) ?? 0) + 1);
  return count;
}

function takeOne(count: Map<string, number>, video: string): boolean {
  const left = count.get(video) ?? 0;
  if (left > 0) count.set(video, left - 1);
  return left > 0;
}
