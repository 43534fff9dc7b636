/**
 * How a training goes, in a file of the directory: whoever looks sees it, in whichever process it runs, and what became
 * of the last one is still there. What cannot be written is not: no training fails because nobody can watch it.
 */

import { renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type BundleId, type Clock, errorCode, type Progress, systemClock } from "../core/index.ts";
import type { TrainingRun } from "../pipeline/index.ts";

/** Often enough to see it move. */
const EVERY_MS = 500;
/** The newest; a training says some dozen. */
const NOTES = 200;

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? Mutable<E>[] : T[K] };

/**
 * Runs `training`, whose progress goes into the record and to `progress`.
 *
 * By a clock of its own: who watches a training must not change what its caller's clock shows it.
 */
export async function recorded<T extends { readonly bundle: BundleId }>(
  directory: string,
  progress: Progress,
  training: (progress: Progress) => Promise<T>,
): Promise<T> {
  const run = new RunRecord(directory, systemClock, progress);
  try {
    const result = await training(run);
    run.finish(result.bundle);
    return result;
  } catch (cause) {
    run.fail(cause);
    throw cause;
  }
}

const fileIn = (directory: string) => join(directory, "training-run.json");

class RunRecord implements Progress {
  private readonly file: string;
  private readonly clock: Clock;
  private readonly next: Progress;
  private readonly run: Mutable<TrainingRun>;
  private written = Number.NEGATIVE_INFINITY;

  /** @param next is told everything, too */
  constructor(directory: string, clock: Clock, next: Progress) {
    this.file = fileIn(directory);
    this.clock = clock;
    this.next = next;
    const startedAt = clock.now();
    this.run = {
      startedAt,
      updatedAt: startedAt,
      endedAt: null,
      bundle: null,
      failure: null,
      steps: [],
      notes: [],
    };
    this.write();
  }

  step(name: string, total?: number, unit?: string): void {
    this.next.step(name, total, unit);
    this.endStep();
    const startedAt = this.clock.now();
    this.run.steps.push({ name, total: total ?? null, unit: unit ?? "", done: 0, startedAt, endedAt: null });
    this.write();
  }

  update(done: number): void {
    this.next.update(done);
    const step = this.run.steps.at(-1);
    if (step !== undefined) step.done = done;
    if (this.clock.now() - this.written >= EVERY_MS) this.write();
  }

  note(text: string): void {
    this.next.note(text);
    this.run.notes.push({ time: this.clock.now(), text });
    if (this.run.notes.length > NOTES) this.run.notes.shift();
    this.write();
  }

  finish(bundle: BundleId): void {
    this.run.bundle = bundle;
    this.end();
  }

  /** @param cause without a word of what somebody watched: messages of this project have none */
  fail(cause: unknown): void {
    this.run.failure = cause instanceof Error ? cause.message : String(cause);
    this.end();
  }

  private end(): void {
    this.endStep();
    this.run.endedAt = this.clock.now();
    this.write();
  }

  private endStep(): void {
    const step = this.run.steps.at(-1);
    if (step !== undefined && step.endedAt === null) step.endedAt = this.clock.now();
  }

  private write(): void {
    const now = this.clock.now();
    this.run.updatedAt = now;
    this.written = now;
    const partial = `${this.file}.${process.pid}.partial`;
    try {
      writeFileSync(partial, JSON.stringify(this.run));
      renameSync(partial, this.file);
    } catch {
      // Nobody watches then.
    }
  }
}

const time = z.int();
const shape = z.object({
  startedAt: time,
  updatedAt: time,
  endedAt: time.nullable(),
  bundle: z.string().nullable(),
  failure: z.string().nullable(),
  steps: z.array(
    z.object({
      name: z.string(),
      total: z.number().nullable(),
      unit: z.string(),
      done: z.number(),
      startedAt: time,
      endedAt: time.nullable(),
    }),
  ),
  notes: z.array(z.object({ time, text: z.string() })),
});

/** The newest training of the directory; null where there was none, or where the file does not tell. */
export async function trainingRunIn(directory: string): Promise<TrainingRun | null> {
  let text: string;
  try {
    text = await readFile(fileIn(directory), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
  try {
    // The schema has checked every field; the brands are all that it cannot know.
    return shape.parse(JSON.parse(text)) as unknown as TrainingRun;
  } catch {
    return null;
  }
}
