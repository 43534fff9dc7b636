/**
 * A backup becomes a directory again: beside the one that it replaces, and in its place by a rename when all is done.
 *
 * The restored log is another log (it gets an id of its own): stores that were filled from the old one, and may be
 * ahead of the backup, are refused and filled anew. And what was forgotten stays forgotten: the erasures of the
 * directory that is replaced, and those of a list, are appended to the restored log and carried out in it before anyone
 * can open it.
 */
import { randomUUID } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  type Clock,
  type EpochMs,
  type EventId,
  type Offset,
  type Progress,
  syncDirectory,
  syncTree,
  UpnextError,
  type UserId,
} from "../core/index.ts";
import { type Erasure, type FileLog, openFileLog } from "../events/index.ts";
import { openSnapshots } from "../snapshots/index.ts";
import { copyFile } from "./copy-file.ts";
import { type ErasureTimes, erasuresIn, parseErasures } from "./erasures.ts";
import { type BackupManifest, corrupt, readManifest } from "./manifest.ts";

export interface RestoreOptions {
  /** The backup. */
  readonly path: string;
  readonly directory: string;
  /** Whether a directory that has a log may be replaced; it is kept under another name. */
  readonly replace: boolean;
  /** A file of erasures, as `upnext erasures` writes it. */
  readonly erasures?: string;
  readonly clock: Clock;
  readonly progress: Progress;
}

export interface RestoreReport {
  readonly files: number;
  readonly bytes: number;
  /** Where the restored log ends, with the erasures that were appended. */
  readonly end: Offset;
  /** Erasures that the backup did not know. */
  readonly erasures: number;
  /** Events that were made anonymous for those and all others. */
  readonly forgotten: number;
  /** Where the directory is now that was there before, null where there was none. */
  readonly before: string | null;
}

/** Erasures in one append. */
const BATCH = 10_000;

/**
 * Rejects with `backup_corrupt`, naming the files that are not what the backup's manifest says, with `invalid_request`
 * where there is a log already, and with `log_locked` where it is being written. Until the last moment the directory is
 * what it was, and a restore that was killed is run again.
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  const { path, replace, clock, progress } = options;
  const directory = resolve(options.directory);
  const manifest = await readManifest(path);
  const listed =
    options.erasures === undefined
      ? undefined
      : parseErasures(await readFile(options.erasures, "utf8"), options.erasures);
  await undoSwap(directory);
  if (hasLog(directory) && !replace) {
    throw new UpnextError(
      "invalid_request",
      `${directory}: expected a directory without a log, there is one. With --replace the backup takes its place, and it is kept under another name.`,
    );
  }
  const building = buildingOf(directory);
  const old = await openOld(directory, listed !== undefined);
  try {
    const known =
      old === undefined
        ? new Map<UserId, number>()
        : await erasuresOfOld(directory, old, listed !== undefined);
    await rm(building, { recursive: true, force: true });
    await mkdir(building, { recursive: true });
    await copyAll(path, manifest, building, progress);
    const { end, erasures, forgotten } = await carryOut(
      path,
      manifest,
      building,
      newest(known, listed),
      clock,
      progress,
    );
    await syncTree(building);
    // Before its folder gets another name: what it writes at the end would be written into the new one.
    await old?.close();
    const before = swap(directory, building);
    await syncDirectory(dirname(directory));
    const sizes = Object.values(manifest.files).map(({ bytes }) => bytes);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    return { files: sizes.length, bytes, end, erasures, forgotten, before };
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    throw error;
  } finally {
    await old?.close();
  }
}

/** Open for writing: nobody else is writing then, and nobody can begin to. */
async function openOld(directory: string, listed: boolean): Promise<FileLog | undefined> {
  if (!hasLog(directory)) return undefined;
  try {
    return await openFileLog(join(directory, "log"));
  } catch (error) {
    if (!listed || !isDamage(error)) throw withCure(error);
    return undefined;
  }
}

async function erasuresOfOld(directory: string, log: FileLog, listed: boolean): Promise<ErasureTimes> {
  try {
    return await erasuresIn(directory, log);
  } catch (error) {
    if (!listed || !isDamage(error)) throw withCure(error);
    return new Map();
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof UpnextError && (error.code === "log_corrupt" || error.code === "snapshot_corrupt");
}

/** Whom a damaged log has forgotten cannot be read from it; to go on without would bring them back. */
function withCure(error: unknown): unknown {
  if (!(error instanceof UpnextError) || !isDamage(error)) return error;
  const cure =
    "Who was forgotten cannot be read from the directory that is to be replaced. Name a list of them with --erasures FILE (upnext erasures makes it while the log is whole), an empty one if nobody was.";
  return new UpnextError(error.code, `${error.message} ${cure}`, { cause: error });
}

function newest(known: ErasureTimes, listed: ErasureTimes = new Map()): ErasureTimes {
  const all = new Map(known);
  for (const [user, time] of listed) all.set(user, Math.max(time, all.get(user) ?? -Infinity));
  return all;
}

/** Rejects with `backup_corrupt`, naming every file that differs. */
async function copyAll(
  path: string,
  manifest: BackupManifest,
  folder: string,
  progress: Progress,
): Promise<void> {
  const files = Object.entries(manifest.files).filter(([name]) => isRestored(name));
  const problems: string[] = [];
  let done = 0;
  progress.step(
    "copy and check",
    files.reduce((sum, [, { bytes }]) => sum + bytes, 0),
    "bytes",
  );
  for (const [name, wanted] of files) {
    const update = (bytes: number) => {
      done += bytes;
      progress.update(done);
    };
    try {
      const { bytes, sha256 } = await copyFile(join(path, name), join(folder, name), update);
      if (bytes !== wanted.bytes) problems.push(`${name}: expected ${wanted.bytes} bytes, got ${bytes}`);
      else if (sha256 !== wanted.sha256) problems.push(`${name}: it does not match its SHA-256`);
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (problems.length > 0) throw corrupt(`${path}: ${problems.join("; ")}`);
}

/** The configuration has its place elsewhere, and is put there by hand. */
function isRestored(name: string): boolean {
  return !name.startsWith("config/");
}

/** Makes the copied log one of its own, in which everybody is forgotten who was. */
async function carryOut(
  path: string,
  manifest: BackupManifest,
  folder: string,
  wanted: ErasureTimes,
  clock: Clock,
  progress: Progress,
): Promise<Pick<RestoreReport, "end" | "erasures" | "forgotten">> {
  progress.step("carry out erasures", wanted.size, "users");
  const log = await openFileLog(join(folder, "log"));
  try {
    if (log.first !== manifest.log.first || log.end !== manifest.log.end) {
      throw corrupt(
        `${path}: expected a log from ${manifest.log.first} to ${manifest.log.end}, it is one from ${log.first} to ${log.end}`,
      );
    }
    const snapshots = join(folder, "snapshots");
    if (manifest.base !== null)
      await adoptBase(snapshots, join(path, dirname(manifest.base)), manifest, log.id, clock);
    const known = await erasuresIn(folder, log);
    const unknown = [...wanted].filter(([user, time]) => time > (known.get(user) ?? -Infinity));
    await appendErasures(log, unknown);
    const all = newest(known, wanted);
    if (manifest.base !== null) await (await openSnapshots(snapshots, { clock, log: log.id })).forget(all);
    const { events } = await log.compact(all, log.end);
    return { end: log.end, erasures: unknown.length, forgotten: events };
  } finally {
    await log.close();
  }
}

/** A snapshot belongs to its log; the one that begins the restored log is written anew as its own. */
async function adoptBase(
  folder: string,
  from: string,
  manifest: BackupManifest,
  id: string,
  clock: Clock,
): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const old = await openSnapshots(from, { clock, log: manifest.log.id });
  const base = await old.base({ from: manifest.log.first, through: manifest.log.end });
  if (base === undefined || basename(base.path) !== basename(manifest.base!)) {
    throw corrupt(`${manifest.base}: expected a whole snapshot of the log's beginning`);
  }
  const through = () => base.statesThrough!;
  const own = await openSnapshots(folder, { clock, log: id });
  await own.write({ catalog: await base.catalog(), states: { through, each: () => base.states() } });
}

async function appendErasures(log: FileLog, erasures: readonly (readonly [UserId, number])[]): Promise<void> {
  for (let i = 0; i < erasures.length; i += BATCH) {
    const events = erasures.slice(i, i + BATCH).map(([user, time]): Erasure => {
      return { kind: "erasure", id: randomUUID() as EventId, time: time as EpochMs, user };
    });
    await log.append(events);
  }
}

const BUILDING = ".restoring";
const BEFORE = ".before-restore-";

function buildingOf(directory: string): string {
  return `${directory}${BUILDING}`;
}

function hasLog(directory: string): boolean {
  return existsSync(join(directory, "log"));
}

/**
 * Puts `building` in the place of `directory`; returns where that is now. One step right after the other: whoever has
 * begun to write in the meantime is found by the lock, or by the directory that is there again.
 */
function swap(directory: string, building: string): string | null {
  let before: string | null = null;
  if (existsSync(directory)) {
    let number = 1;
    while (existsSync(`${directory}${BEFORE}${number}`)) number++;
    before = `${directory}${BEFORE}${number}`;
    renameSync(directory, before);
    if (existsSync(join(before, "log", "lock"))) {
      renameSync(before, directory);
      throw inUse(directory, "it was left as it is");
    }
  }
  try {
    renameSync(building, directory);
  } catch (cause) {
    throw inUse(
      directory,
      before === null ? "nothing was restored" : `what was there before is ${before}`,
      cause,
    );
  }
  return before;
}

function inUse(directory: string, state: string, cause?: unknown): UpnextError {
  return new UpnextError(
    "log_locked",
    `${directory}: expected nobody to use it while it is replaced, but another process has begun to; ${state}. Stop the process, then restore again.`,
    { cause },
  );
}

/**
 * A restore that was killed between its two renames has left no directory: the old one takes its place again. Its
 * erasures would be unknown otherwise.
 */
async function undoSwap(directory: string): Promise<void> {
  if (existsSync(directory) || !existsSync(buildingOf(directory))) return;
  const prefix = `${basename(directory)}${BEFORE}`;
  const names = (await readdir(dirname(directory))).filter((name) => name.startsWith(prefix));
  const numbers = names.map((name) => Number(name.slice(prefix.length))).filter(Number.isInteger);
  if (numbers.length === 0) return;
  renameSync(`${directory}${BEFORE}${Math.max(...numbers)}`, directory);
}
