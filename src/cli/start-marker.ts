/**
 * What `start` has put into its directory: start.json beside the log. It is written before the first event, so that a
 * start that was killed is gone on with from the same data, and again when all of it is in the log.
 */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UpnextError } from "../core/index.ts";
import { shownPath } from "./command-line.ts";

export interface SimulatedData {
  readonly kind: "simulation";
  readonly users: number;
  readonly videos: number;
  readonly events: number;
  readonly days: number;
  readonly seed: number;
  /** EpochMs: the last moment of the simulated period. */
  readonly end: number;
}

export interface ImportedData {
  readonly kind: "import";
  /** Absolute. */
  readonly path: string;
}

export interface StartMarker {
  readonly format: 1;
  readonly data: SimulatedData | ImportedData;
  /** Whether all of it is in the log. */
  readonly complete: boolean;
  /** A user and an item that are in it, for lines to try. */
  readonly example: { readonly user: string; readonly item: string };
}

function fileIn(directory: string): string {
  return join(directory, "start.json");
}

/** null where there is none. */
export async function readMarker(directory: string): Promise<StartMarker | null> {
  let text: string;
  try {
    text = await readFile(fileIn(directory), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  const marker = parse(text);
  if (marker !== undefined) return marker;
  throw new UpnextError(
    "data_not_found",
    `${shownPath(fileIn(directory))}: expected what an earlier start wrote, the file is damaged. ` +
      `Remove ${shownPath(directory)} to begin anew, or serve it as it is with: upnext serve --dir ${shownPath(directory)}`,
  );
}

function parse(text: string): StartMarker | undefined {
  try {
    const marker = JSON.parse(text) as Partial<StartMarker> | null;
    const { kind } = marker?.data ?? {};
    const known = kind === "simulation" || kind === "import";
    return marker?.format === 1 && known && typeof marker.example?.user === "string"
      ? (marker as StartMarker)
      : undefined;
  } catch {
    return undefined;
  }
}

/** There whole or not at all, and on the disk before the call resolves. */
export async function writeMarker(directory: string, marker: StartMarker): Promise<void> {
  const file = fileIn(directory);
  await mkdir(dirname(file), { recursive: true });
  const partial = `${file}.partial`;
  const handle = await open(partial, "w");
  try {
    await handle.writeFile(`${JSON.stringify(marker, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partial, file);
}
