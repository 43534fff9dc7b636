/** The verdict on a bundle, in a file beside its directory: the bundle itself never changes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type BundleId, type EpochMs, errorCode, renameDurably, writeDurably } from "../core/index.ts";
import type { Verdict } from "./registry.ts";
import { scratchPath } from "./scratch.ts";

const shape = z.object({ accepted: z.boolean(), time: z.number(), report: z.unknown() });

export async function readVerdict(directory: string, id: BundleId): Promise<Verdict | null> {
  let text: string;
  try {
    text = await readFile(pathOf(directory, id), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
  const { accepted, time, report } = verdictIn(text) ?? {};
  return accepted === undefined ? null : { accepted, time: time as EpochMs, report };
}

export async function writeVerdict(directory: string, id: BundleId, verdict: Verdict): Promise<void> {
  const scratch = scratchPath(directory);
  await writeDurably(scratch, new TextEncoder().encode(`${JSON.stringify(verdict, null, 1)}\n`));
  await renameDurably(scratch, pathOf(directory, id));
}

function verdictIn(text: string) {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function pathOf(directory: string, id: BundleId): string {
  return join(directory, `${id}.verdict.json`);
}
