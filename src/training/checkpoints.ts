/**
 * Where a training keeps what it goes on from after it was killed: a folder with one file for each fit that takes long.
 * A training that ends removes it.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../core/index.ts";
import type { Checkpoint } from "../retrieval/index.ts";
import { readCheckpoint, writeCheckpoint } from "../tensor/index.ts";

export interface Checkpoints {
  /** @param name of the fit: a part of a file's name */
  of(name: string): Checkpoint;
  clear(): Promise<void>;
}

/** The folder is made with the first checkpoint. */
export function checkpointsIn(folder: string, progress: Progress): Checkpoints {
  return {
    of(name) {
      const path = join(folder, `${name}.ckpt`);
      return {
        read: () => readCheckpoint(path),
        async write(bytes) {
          try {
            await writeCheckpoint(path, bytes);
          } catch (error) {
            // A full disk, or another training that has ended here: no reason to lose what was learned so far.
            if (!(error instanceof Error && "code" in error)) throw error;
            progress.note(`${name}: goes on without a checkpoint (${error.code})`);
          }
        },
      };
    },
    clear: () => rm(folder, { recursive: true, force: true }),
  };
}
