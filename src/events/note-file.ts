/**
 * A small fact about a log that stands beside its segments: one line of the file's name, a value without spaces, and
 * the CRC-32 of both as eight hex digits. It is replaced whole and durably, so it is the old line or the new one.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { crc32 } from "node:zlib";
import { errorCode, replaceDurably, UpnextError } from "../core/index.ts";

export async function writeNote(path: string, value: string): Promise<void> {
  await replaceDurably(path, Buffer.from(noteLine(path, value)));
}

export function noteLine(path: string, value: string): string {
  const said = `${basename(path)} ${value}`;
  return `${said} ${crc32(said).toString(16).padStart(8, "0")}\n`;
}

/** The value, or undefined where there is no such file. Rejects with `log_corrupt`, and `cure`, where it is damaged. */
export async function readNote(path: string, cure: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const line = bytes.toString("latin1");
  const value = line.split(" ")[1];
  if (value !== undefined && line === noteLine(path, value)) return value;
  throw new UpnextError(
    "log_corrupt",
    `${path}: expected one line that matches its checksum, got ${bytes.length} bytes that do not. ${cure}`,
  );
}

/** The same for offsets. */
export async function readOffsetNote(path: string, cure: string): Promise<number | undefined> {
  const value = await readNote(path, cure);
  return value === undefined ? undefined : Number(value);
}
