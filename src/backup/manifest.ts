/**
 * manifest.json of a backup: every file of it with size and SHA-256, and a digest of the manifest itself. It is
 * written last, so a folder without one is no backup.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type EpochMs, errorCode, type Offset, UpnextError, writeDurably } from "../core/index.ts";

export interface BackupFile {
  readonly bytes: number;
  readonly sha256: string;
}

export interface BackupManifest {
  readonly format: 1;
  readonly createdAt: EpochMs;
  readonly log: {
    /** A restored log gets another one. */
    readonly id: string;
    readonly first: Offset;
    readonly end: Offset;
  };
  /** The snapshot that begins the log, where retention has dropped what was before. */
  readonly base: string | null;
  /** By name, with `/` between folders. */
  readonly files: Readonly<Record<string, BackupFile>>;
}

const NAME = "manifest.json";
const FORMAT = 1;

export async function writeManifest(folder: string, manifest: BackupManifest): Promise<void> {
  const digest = sha256(JSON.stringify(manifest));
  await writeDurably(
    join(folder, NAME),
    Buffer.from(`${JSON.stringify({ ...manifest, digest }, null, 1)}\n`),
  );
}

/** Rejects with `backup_corrupt` where the folder is no backup or the manifest is not what was written. */
export async function readManifest(folder: string): Promise<BackupManifest> {
  const path = join(folder, NAME);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT" && errorCode(cause) !== "ENOTDIR") throw cause;
    throw corrupt(
      `${path}: expected the manifest of a backup, there is none: it is unfinished, or no backup`,
    );
  }
  const { digest, ...manifest } = parse(path, text);
  if (manifest.format !== FORMAT) {
    throw corrupt(`${path}: expected format ${FORMAT}, got ${JSON.stringify(manifest.format)}`);
  }
  if (digest !== sha256(JSON.stringify(manifest))) {
    throw corrupt(`${path}: it does not match its own digest`);
  }
  const outside = Object.keys(manifest.files).find((name) => !isInside(name));
  if (outside !== undefined)
    throw corrupt(`${path}: ${JSON.stringify(outside)} is no name of a file in a backup`);
  return manifest;
}

export function corrupt(what: string, cause?: unknown): UpnextError {
  return new UpnextError("backup_corrupt", `${what}. Take another backup; nothing was changed.`, { cause });
}

function parse(path: string, text: string): BackupManifest & { readonly digest: unknown } {
  try {
    // What the digest covers was written by `writeManifest`.
    return Object(JSON.parse(text)) as BackupManifest & { readonly digest: unknown };
  } catch (cause) {
    throw corrupt(`${path}: expected JSON`, cause);
  }
}

/** A name from a file that anyone may have written must not lead out of the folder. */
function isInside(name: string): boolean {
  return /^[^\\\0]+$/.test(name) && name.split("/").every((part) => !["", ".", ".."].includes(part));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
