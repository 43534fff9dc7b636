/**
 * A backup beside a running writer: the log up to an offset, what it cannot do without, the bundles, the configuration.
 *
 * What makes it consistent is the order. Bundles come first, so none was trained on events that are not in the copy of
 * the log. Then the end of the log is fixed: segments are copied up to it, whichever way the writer goes on. An open
 * file stays what it was when a compaction puts another in its place, and both have the same events at the same
 * offsets. Then the copy is read as the log that it is. Where a file has gone meanwhile (retention, a pruned snapshot),
 * or was another one when it was opened than when its size was learned, the copy of the log is made again. The name
 * that was asked for is given to the folder at the very end.
 *
 * User states are folds of the log and are not in it; neither is the log's id, since a copy that goes its own way is
 * another log.
 */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import {
  type Clock,
  errorCode,
  type Offset,
  type Progress,
  renameDurably,
  syncTree,
  UpnextError,
} from "../core/index.ts";
import { type FileLog, openFileLog } from "../events/index.ts";
import { openSnapshots } from "../snapshots/index.ts";
import { copyFile } from "./copy-file.ts";
import { type BackupFile, writeManifest } from "./manifest.ts";

export interface BackupOptions {
  /** Where log and bundles are. */
  readonly directory: string;
  /** The folder that is to be the backup; there is nothing of that name yet. */
  readonly path: string;
  /** The configuration file, where there is one. */
  readonly config: string | null;
  readonly clock: Clock;
  readonly progress: Progress;
}

export interface BackupReport {
  readonly files: number;
  readonly bytes: number;
  /** The backup has every event from `first` to before `end`. */
  readonly first: Offset;
  readonly end: Offset;
}

/** Of `upnext start`: what the directory was made from. */
const START = "start.json";
/** Who is in which arm of which experiment, as a rule. */
const EXPERIMENTS = "experiments.json";
/** What follows the last segment's name but its own ending: the ids of its events. */
const IDS = /^\d{20}\.ids$/;

/** Rejects with `invalid_request` where `path` exists, and with what the log rejects with where it is damaged. */
export async function backup({
  directory,
  path: wanted,
  config,
  clock,
  progress,
}: BackupOptions): Promise<BackupReport> {
  const path = resolve(wanted);
  if ((await stat(path).catch(() => undefined)) !== undefined) {
    throw new UpnextError(
      "invalid_request",
      `${path}: expected a name for a new folder, there is something of this name.`,
    );
  }
  const unfinished = `${path}.tmp`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  try {
    const copy = new Copy(directory, unfinished, progress);
    progress.step("copy bundles", undefined, "bytes");
    await copy.bundles();
    for (const name of [START, EXPERIMENTS]) await copy.ifThere(join(directory, name), name);
    if (config !== null) await copy.file(config, `config/${basename(config)}`);
    const log = await copyLog(copy, directory, unfinished, clock, progress);
    const { files } = copy;
    const { base, ...range } = log;
    await writeManifest(unfinished, { format: 1, createdAt: clock.now(), log: range, base, files });
    await syncTree(unfinished);
    await renameDurably(unfinished, path);
    return { files: Object.keys(files).length, bytes: bytesOf(files), first: log.first, end: log.end };
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

interface CopiedLog {
  readonly id: string;
  readonly first: Offset;
  readonly end: Offset;
  readonly base: string | null;
}

async function copyLog(
  copy: Copy,
  directory: string,
  unfinished: string,
  clock: Clock,
  progress: Progress,
): Promise<CopiedLog> {
  for (let attempt = 1; ; attempt++) {
    const log = await openFileLog(join(directory, "log"), { readOnly: true });
    try {
      const copied = await copyOnce(copy, directory, log, clock);
      await assertWhole(unfinished, copied, progress);
      return copied;
    } catch (error) {
      if (attempt >= attemptsFor(error)) throw error;
      await copy.forget("log");
      await copy.forget("snapshots");
    } finally {
      await log.close();
    }
  }
}

/** A copy that is damaged for another reason than bad luck is so again. */
function attemptsFor(error: unknown): number {
  if (errorCode(error) === "ENOENT") return 5;
  return error instanceof UpnextError && error.code === "log_corrupt" ? 2 : 1;
}

/** Rejects with ENOENT where a file has gone meanwhile. */
async function copyOnce(copy: Copy, directory: string, log: FileLog, clock: Clock): Promise<CopiedLog> {
  const { id, first, end, segments } = log;
  copy.step(
    "copy the log",
    segments.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const folder = join(directory, "log");
  await copy.ifThere(join(folder, "first"), "log/first");
  for (const { path, bytes, sealed } of segments) {
    // A full one whole, even where it was written anew since; of the last one what was durable.
    await copy.file(path, `log/${basename(path)}`, sealed ? undefined : bytes);
  }
  for (const name of await readdir(folder)) {
    if (IDS.test(name) && Number(name.slice(0, 20)) < end)
      await copy.ifThere(join(folder, name), `log/${name}`);
  }
  if (first === 0) return { id, first, end, base: null };

  const snapshots = await openSnapshots(join(directory, "snapshots"), { clock, log: id });
  const base = await snapshots.base({ from: first, through: end });
  if (base === undefined) {
    throw new UpnextError(
      "snapshot_corrupt",
      `${directory}: expected a snapshot with all user states at or after event ${first}, where the log begins, and found none that is whole. Start the server: it writes one.`,
    );
  }
  const name = `snapshots/${basename(base.path)}`;
  await copy.file(base.path, name);
  return { id, first, end, base: name };
}

/** What was damaged before it was copied is damaged in the copy: it is found out now, not when it is needed. */
async function assertWhole(folder: string, { first, end }: CopiedLog, progress: Progress): Promise<void> {
  progress.step("read the copy", end - first, "events");
  const log = await openFileLog(join(folder, "log"), { readOnly: true });
  try {
    for await (const batch of log.read(first)) progress.update(batch.at(-1)!.offset + 1 - first);
    if (log.first === first && log.end === end) return;
    throw new UpnextError(
      "log_corrupt",
      `${folder}: expected a copy of the events ${first} to ${end}, it has ${log.first} to ${log.end}. Look at the log with: upnext doctor --deep`,
    );
  } finally {
    await log.close();
  }
}

/** Files from one folder to another, and what they are. */
class Copy {
  readonly files: Record<string, BackupFile> = {};
  private readonly directory: string;
  private readonly folder: string;
  private readonly progress: Progress;
  private done = 0;

  constructor(directory: string, folder: string, progress: Progress) {
    this.directory = directory;
    this.folder = folder;
    this.progress = progress;
  }

  step(name: string, bytes: number): void {
    this.done = 0;
    this.progress.step(name, bytes, "bytes");
  }

  async file(from: string, name: string, bytes?: number): Promise<void> {
    const update = (more: number) => {
      this.done += more;
      this.progress.update(this.done);
    };
    this.files[name] = await copyFile(from, join(this.folder, name), update, bytes);
  }

  async ifThere(from: string, name: string): Promise<void> {
    await this.file(from, name).catch((error: unknown) => {
      if (errorCode(error) !== "ENOENT") throw error;
    });
  }

  /** The pointer before the bundles: those that it names are there already. */
  async bundles(): Promise<void> {
    const folder = join(this.directory, "bundles");
    await this.ifThere(join(folder, "pointers.json"), "bundles/pointers.json");
    const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(folder.length + 1).replaceAll("\\", "/");
      if (entry.isFile() && /^[0-9a-f]{16}(\/|\.verdict\.json$)/.test(name))
        await this.ifThere(path, `bundles/${name}`);
    }
  }

  /** Takes back what was copied of one folder. */
  async forget(folder: string): Promise<void> {
    for (const name of Object.keys(this.files)) if (name.startsWith(`${folder}/`)) delete this.files[name];
    await rm(join(this.folder, folder), { recursive: true, force: true });
  }
}

function bytesOf(files: Readonly<Record<string, BackupFile>>): number {
  return Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
}
