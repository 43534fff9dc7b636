/** Small data sets of every format, written into a directory of the test's own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll } from "vitest";
import { type EpochMs, silent } from "../../src/core/index.ts";
import {
  type ImportBatch,
  type Importer,
  type ImportReport,
  type ImportRequest,
  type ImportSource,
  importInto,
} from "../../src/datasets/index.ts";
import {
  type EventLog,
  type Interaction,
  type ItemUpsert,
  memoryLog,
  type StoredEvent,
} from "../../src/events/index.ts";

export const NOW = Date.UTC(2026, 0, 1) as EpochMs;

const made: string[] = [];

function temporary(): string {
  if (made.length === 0) {
    afterAll(() => {
      for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
    });
  }
  const directory = mkdtempSync(join(tmpdir(), "upnext-datasets-"));
  made.push(directory);
  return directory;
}

/** Writes the files into a new directory and returns its path. */
export function write(files: Readonly<Record<string, string | Uint8Array>>): string {
  const directory = temporary();
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return directory;
}

/** Path of a new file with this content. */
export function file(name: string, content: string | Uint8Array): string {
  return join(write({ [name]: content }), name);
}

/** Path of a new Parquet file with the result of the query. */
export async function parquetFile(select: string): Promise<string> {
  const path = join(temporary(), "rows.parquet");
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  return path;
}

export async function batchesOf(importer: Importer, source: ImportSource): Promise<ImportBatch[]> {
  const batches: ImportBatch[] = [];
  for await (const batch of importer.read(source, { now: NOW })) batches.push(batch);
  return batches;
}

export interface Imported {
  readonly report: ImportReport;
  readonly log: EventLog;
  readonly events: readonly StoredEvent[];
  readonly interactions: readonly Interaction[];
  readonly items: readonly ItemUpsert[];
}

/** Imports into a log in memory and reads it back. */
export async function imported(request: Omit<ImportRequest, "now">, log = memoryLog()): Promise<Imported> {
  const report = await importInto(log, { ...request, now: NOW }, silent);
  const events = await eventsOf(log);
  return {
    report,
    log,
    events,
    interactions: events.filter((event) => event.kind === "interaction"),
    items: events.filter((event) => event.kind === "item"),
  };
}

export async function eventsOf(log: EventLog): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const batch of log.read(0 as never)) for (const { event } of batch) events.push(event);
  return events;
}

/** What matters of an interaction, in a line. */
export function brief(event: Interaction): string {
  const value = event.value === undefined ? "" : ` ${event.value}`;
  return `${event.user} ${event.type} ${event.item} ${new Date(event.time).toISOString()}${value}`;
}

export const RATINGS =
  "userId,movieId,rating,timestamp\n1,10,4.0,964982703\n1,20,3.5,964981247\n2,10,5.0,964982224\n";
export const MOVIES =
  'movieId,title,genres\n10,Toy Story (1995),Animation|Children\n20,"Heat, The (1995)",(no genres listed)\n30,Untitled,Drama\n';

export const IMPRESSIONS = [
  "user_id,video_id,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view,play_time_ms,duration_ms,is_profile_enter,is_rand,tab",
  "7,100,1650816000000,1,1,0,0,1,0,1,61802,49866,0,0,1",
  "8,101,1650816001000,0,0,0,0,0,0,0,0,11933,0,1,4",
  "8,102,1650816002000,0,0,1,1,0,1,0,5000,20000,0,0,6",
  "8,102,1650816002000,0,0,1,1,0,1,0,5000,20000,0,0,6",
  "9,103,1650816003000,1,0,0,0,0,0,0,700,0,0,0,2",
  "",
].join("\n");

/** One data set a format: the importer's name, and how to make the data; the path is returned. */
export const SETS: readonly { readonly name: string; readonly make: () => Promise<string> }[] = [
  {
    name: "csv",
    make: async () => file("log.csv", "user;item;ts;event\nu1;v1;1650816000;click\nu2;v1;1650816060;view\n"),
  },
  {
    name: "jsonl",
    make: async () =>
      file(
        "log.jsonl",
        '{"user_id":1,"video_id":"v1","time":"2022-04-25T00:00:00+08:00","type":"watch","value":0.5}\n' +
          '{"user_id":2,"video_id":"v2","time":"2022-04-25 01:00","type":"like"}\n',
      ),
  },
  {
    name: "parquet",
    make: () =>
      parquetFile(
        "SELECT i AS user_id, 'v' || i AS item_id, TIMESTAMP '2022-04-25 00:00:00' + INTERVAL (i) MINUTE AS ts FROM range(5) t(i)",
      ),
  },
  {
    name: "sequence",
    make: async () =>
      write({
        "set.txt": "1 10\n1 20\n2 10\n",
        "items.tsv": "item\ttitle\tgenres\n10\tToy Story\tAnimation|Drama\n",
      }),
  },
  { name: "movielens", make: async () => write({ "ratings.csv": RATINGS, "movies.csv": MOVIES }) },
  {
    name: "kuairand",
    make: async () =>
      write({
        "impressions.csv": IMPRESSIONS,
        "video_features.csv":
          'video_id,author_id,video_type,upload_dt,video_duration,tag\n100,55,NORMAL,2022-04-10,87433.0,"20,43"\n101,56,AD,2022-04-09,,\n',
        "user_features.csv":
          'user_id,user_active_degree,fans,fans_range\n7,full_active,150,"[100,1k)"\n8,low,,\n',
        "user_history.jsonl":
          '{"u": 7, "n": 4, "watch": [1, 2, 1], "like": [2, 9], "long": [5, 1]}\n{"u": 8, "n": 0, "watch": [], "like": [], "long": []}\n',
      }),
  },
];
