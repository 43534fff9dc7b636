/** Where an unfinished migration stands: a small file, replaced atomically, that names no user. */
import { readFile, rm } from "node:fs/promises";
import { errorCode, type Offset, replaceDurably } from "../core/index.ts";

export interface MigrationMark {
  readonly format: 1;
  /** Id of the log whose fold both stores are. */
  readonly log: string;
  /** Texts of the places, without passwords. */
  readonly from: string;
  readonly to: string;
  /** What the source had applied before the first user was copied: the target follows the log from here. */
  readonly startedAt: Offset;
  /** Ranges of users that are in the target. */
  readonly ranges: number;
}

/** undefined where there is none, or none that can be read: then the migration begins anew. */
export async function readMark(path: string): Promise<MigrationMark | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const mark = JSON.parse(text) as Partial<MigrationMark> | null;
    const whole = mark?.format === 1 && Number.isInteger(mark.startedAt) && Number.isInteger(mark.ranges);
    return whole ? (mark as MigrationMark) : undefined;
  } catch {
    return undefined;
  }
}

export async function writeMark(path: string, mark: MigrationMark): Promise<void> {
  await replaceDurably(path, Buffer.from(`${JSON.stringify(mark)}\n`));
}

export async function removeMark(path: string): Promise<void> {
  await rm(path, { force: true });
}
