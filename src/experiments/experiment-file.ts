/** The experiments of a directory: one small file, replaced atomically, read by every process that answers. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type EpochMs, errorCode, type Offset, replaceDurably, UpnextError } from "../core/index.ts";
import type { Definition } from "./experiment.ts";
import type { HistoryPoint } from "./measurement.ts";
import type { ExperimentReport } from "./report.ts";

export interface Experiment extends Definition {
  /** null while it runs. */
  readonly stopped: Stop | null;
}

interface Stop {
  readonly time: EpochMs;
  /** Events before it are counted. */
  readonly offset: Offset;
  /** What had been measured, kept whatever becomes of the log. */
  readonly report: ExperimentReport;
  /** Of the metric that decided. */
  readonly history: readonly HistoryPoint[];
}

/** Where it lies. */
export function experimentsFile(directory: string): string {
  return join(directory, "experiments.json");
}

const armShape = z.object({
  name: z.string(),
  share: z.number(),
  bundle: z.string().optional(),
  headWeights: z.record(z.string(), z.number()).optional(),
  policy: z
    .object({
      maxPerCreator: z.number().optional(),
      diversity: z.number().optional(),
      explore: z.number().optional(),
    })
    .optional(),
  candidates: z.number().optional(),
});
const shape = z.object({
  format: z.literal(1),
  experiments: z.array(
    z.object({
      name: z.string(),
      arms: z.tuple([armShape, armShape]),
      metric: z.string(),
      smallest: z.number(),
      about: z.string(),
      startedAt: z.int(),
      from: z.int(),
      // What the report says is this version's business: it is shown, not computed with.
      stopped: z
        .object({
          time: z.int(),
          offset: z.int(),
          report: z.looseObject({}),
          history: z.array(z.looseObject({})),
        })
        .nullable(),
    }),
  ),
});

/** Oldest first. Rejects with `experiments_corrupt` where the file is not what was written. */
export async function readExperiments(directory: string): Promise<readonly Experiment[]> {
  const path = experimentsFile(directory);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
  try {
    // The schema has checked every field that is computed with; the brands are what it cannot know.
    return shape.parse(JSON.parse(text)).experiments as unknown as readonly Experiment[];
  } catch (cause) {
    throw new UpnextError(
      "experiments_corrupt",
      `experiments: ${path}: expected {"format": 1, "experiments": […]}, got ${text.length} characters of something else. Restore it from a backup, or remove it: every experiment ends then`,
      { cause },
    );
  }
}

/** The last of two processes at the same time wins: let one start and stop. */
export async function writeExperiments(directory: string, experiments: readonly Experiment[]): Promise<void> {
  const text = `${JSON.stringify({ format: 1, experiments }, null, 1)}\n`;
  await replaceDurably(experimentsFile(directory), new TextEncoder().encode(text));
}
