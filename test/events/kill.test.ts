/** `kill -9` in the middle of appending: nothing acknowledged is lost, nothing is there twice, the next start works. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import { openFileLog } from "../../src/events/index.ts";
import { readEvents } from "./make-events.ts";

const CHILD = join(import.meta.dirname, "append-until-killed.mjs");
const { UPNEXT_KILLS = "20", UPNEXT_SEED = "1" } = process.env;
const KILLS = Number(UPNEXT_KILLS);

/**
 * Runs a writer and kills it `patience` ms after its log was open, or, where `early`, that long after its start, which
 * may be in the middle of recovery. Returns the ids that it was seen to acknowledge.
 */
async function appendUntilKilled(
  directory: string,
  run: number,
  patience: number,
  early: boolean,
): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, directory, `r${run}`], { stdio: ["ignore", "pipe", "pipe"] });
  const kill = () => setTimeout(() => child.kill("SIGKILL"), patience);
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  if (early) kill();
  else child.stdout.once("data", kill);
  const [[code, signal]] = await Promise.all([once(child, "exit"), once(child.stdout, "end")]);
  expect([code, signal, errors]).toEqual([null, "SIGKILL", ""]);
  // The last line may be cut off; the first says that the log was open.
  const [, ...lines] = output.split("\n").slice(0, -1);
  return lines.flatMap((line) => line.split(" "));
}

it(`keeps every acknowledged event exactly once over ${KILLS} kills`, async () => {
  const directory = await mkdtemp(join(tmpdir(), "upnext-kill-"));
  const random = new Random(`kill ${UPNEXT_SEED}`);
  const acknowledged: string[] = [];
  for (let run = 0; run < KILLS; run++) {
    const early = run % 4 === 3;
    const patience = early ? 100 + random.next() * 300 : random.next() * 80;
    acknowledged.push(...(await appendUntilKilled(directory, run, patience, early)));
    const log = await openFileLog(directory);
    const ids = (await readEvents(log)).map((event) => event.id as string);
    await log.close();
    const present = new Set(ids);
    expect(present.size).toBe(ids.length);
    expect(acknowledged.filter((id) => !present.has(id))).toEqual([]);
  }
  expect(acknowledged.length).toBeGreaterThan(KILLS * 10);
  await rm(directory, { recursive: true });
});
