/** Memory that a rung takes: in a fresh process, since what another one has freed would be taken first. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { nodeArgs } from "../core/index.ts";
import type { Condition } from "./measure-requests.ts";
import type { RankerOnDisk } from "./measured-rung.ts";

/** So long a process may take to load a ranker and to score once; it takes a second. */
const PATIENCE_MS = 120_000;

/** Bytes that the resident set of a process grows by when it loads the ranker and scores once. */
export async function measureMemory(
  { header, models }: RankerOnDisk,
  { candidates, visits }: Condition,
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "upnext-memory-"));
  try {
    await writeFile(join(folder, "header.json"), JSON.stringify(header));
    for (const [i, model] of models.entries()) {
      await writeFile(join(folder, `${String(i).padStart(3, "0")}.onnx`), model);
    }
    const args = [...nodeArgs(import.meta.url, "memory.child"), folder, String(candidates), String(visits)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: PATIENCE_MS });
    return Number(stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
