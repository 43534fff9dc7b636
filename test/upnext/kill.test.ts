/** `kill -9` in the middle of tracking, importing and training: nothing acknowledged is lost, and the next start works. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Random, silent } from "../../src/core/index.ts";
import { open, type Upnext } from "../../src/upnext.ts";
import { ring } from "../training/worlds.ts";
import { CONFIG, eventsOf, foldedDigests, simulated, storedDigest, temporary, UNHURRIED } from "./harness.ts";

const WORK = fileURLToPath(new URL("work.child.ts", import.meta.url));
const random = new Random("kills");

let home: { path: string; remove(): Promise<void> };
beforeEach(async () => {
  home = await temporary();
});
afterEach(() => home.remove());

/**
 * Runs one of work.child.ts's functions and kills it `patience` ms after its output shows `mark`. Returns its whole
 * lines, the last of which may be missing, and whether it was killed before it was done.
 */
async function killed(work: string, args: readonly string[], mark: string, patience: number) {
  const script = `
    import { createJiti } from "jiti";
    const work = await createJiti(${JSON.stringify(import.meta.url)}).import(${JSON.stringify(WORK)});
    await work.${work}(...${JSON.stringify(args)});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  let marked = false;
  child.stdout.on("data", async (chunk: Buffer) => {
    output += chunk.toString();
    if (marked || !output.includes(mark)) return;
    marked = true;
    await sleep(patience);
    child.kill("SIGKILL");
  });
  const [[, signal]] = await Promise.all([once(child, "exit"), once(child.stdout, "end")]);
  expect(marked).toBe(true);
  return { lines: output.split("\n").slice(0, -1), hit: signal === "SIGKILL" };
}

/** An ordinary start in `directory`, on the real clock. */
const start = (directory = home.path): Promise<Upnext> => open({ directory, config: CONFIG });

/** States on the disk and the fold of the log are one; the instance must be closed. */
async function expectFolded(directory: string): Promise<{ catalog: string; state: string }> {
  const folded = await foldedDigests(directory);
  const end = (await eventsOf(directory)).length;
  expect(await storedDigest(directory)).toEqual({ state: folded.state, applied: end });
  return folded;
}

it("keeps every event that track acknowledged, and states that are the fold of the log", async () => {
  const acknowledged: string[] = [];
  for (let run = 0; run < 2; run++) {
    const { lines, hit } = await killed("track", [home.path, `r${run}`], "\n", 50 + random.next() * 150);
    expect(hit).toBe(true);
    acknowledged.push(...lines);
    const upnext = await start();
    expect((await upnext.status()).checks.find(({ name }) => name === "state")!.level).toBe("ok");
    await upnext.close();
    const ids = (await eventsOf(home.path)).map(({ event }) => event.id as string);
    expect(new Set(ids).size).toBe(ids.length);
    const present = new Set(ids);
    expect(acknowledged.filter((id) => !present.has(id))).toEqual([]);
    await expectFolded(home.path);
  }
  expect(acknowledged.length).toBeGreaterThanOrEqual(2);
});

it("ends an import that is run again where an uninterrupted one ends", async () => {
  const data = join(home.path, "data.csv");
  const rows = Array.from(
    { length: 40_000 },
    (_, n) => `u${n % 1013},v${(n * 7) % 499},${1_600_000_000 + n}`,
  );
  await writeFile(data, `user,item,timestamp\n${rows.join("\n")}\n`);
  const whole = join(home.path, "whole");
  await mkdir(whole);
  const untouched = await start(whole);
  await untouched.import({ path: data });
  await untouched.close();

  // Killed somewhere between the first event and the last; a kill that comes too late begins anew.
  let torn = "";
  for (let round = 0; torn === "" && round < 10; round++) {
    const directory = join(home.path, `torn${round}`);
    await mkdir(directory);
    const { hit } = await killed("load", [directory, data], `import ${2 + round}`, random.next() * 5);
    const { length } = await eventsOf(directory);
    if (hit && length > 0 && length < rows.length) torn = directory;
  }
  expect(torn).not.toBe("");
  const upnext = await start(torn);
  const report = await upnext.import({ path: data });
  expect(report.accepted + report.duplicates).toBe(rows.length);
  await upnext.close();
  expect((await eventsOf(torn)).length).toBe(rows.length);
  expect(await expectFolded(torn)).toEqual(await expectFolded(whole));
});

it("leaves no half of a bundle in service when training is killed, and trains afterwards", async () => {
  const first = await start();
  await first.track(simulated.slice(0, 2500));
  await first.close();
  const marks = ["step train logistic", "step publish", "step try the bundle"];
  for (const [i, mark] of marks.entries()) {
    const { hit } = await killed(
      "train",
      [home.path],
      mark,
      i > 0 ? random.next() * 10 : random.next() * 100,
    );
    expect(hit).toBe(true);
    const upnext = await start();
    const status = await upnext.status();
    expect(status.checks.filter(({ level }) => level === "failure")).toEqual([]);
    const left = (await readdir(join(home.path, "bundles"))).filter((name) => name.startsWith(".scratch"));
    expect(left).toEqual([]);
    expect(status.bundle, "nobody has asked the gate").toBeNull();
    await upnext.close();
  }
  const upnext = await start();
  // What was published and not judged can still be: it is whole.
  const [candidate] = await upnext.releases();
  expect(candidate).toMatchObject({ state: "candidate", refusedFor: null });
  expect(await upnext.promote(candidate!.bundle)).toMatchObject({ accepted: true });
  expect((await upnext.status()).bundle!.id).toBe(candidate!.bundle);
  const { bundle } = await upnext.train(silent, { rung: "logistic" });
  const answer = await upnext.recommend({ user: "u1", budgetMs: 60_000 });
  expect([answer.bundle, answer.rung]).toEqual([bundle, "full"]);
  await upnext.close();
}, 240_000);

it("goes on with a training where it was killed, and publishes what one publishes that never was", async () => {
  const unhurried = (directory: string) =>
    open({ directory, config: UNHURRIED.config, clock: UNHURRIED.clock() });
  const [whole, torn] = [join(home.path, "whole"), join(home.path, "torn")];
  const first = await unhurried(whole);
  await first.track(ring(24, 24, 8));
  await first.close();
  await cp(whole, torn, { recursive: true });
  const uninterrupted = await unhurried(whole);
  const { bundle } = await uninterrupted.train();
  await uninterrupted.close();
  expect(existsSync(join(whole, "training"))).toBe(false);

  for (const [mark, kept] of [
    ["\nfit sequence 2", ["older-sequence.ckpt"]],
    ["\ngo on with sequence 1", ["cut-sequence.ckpt", "older-sequence.ckpt"]],
  ] as const) {
    const { hit } = await killed("train", [torn, "unhurried"], mark, 0);
    expect(hit).toBe(true);
    const files = await readdir(join(torn, "training"));
    expect(files.filter((name) => name.endsWith(".ckpt")).toSorted()).toEqual(kept);
  }
  const upnext = await unhurried(torn);
  const notes: string[] = [];
  const again = await upnext.train({ ...silent, note: (text) => void notes.push(text) });
  await upnext.close();
  expect(
    notes.filter((text) => /goes on from step \d+ of a training that was stopped/.test(text)),
  ).toHaveLength(2);
  expect(again.bundle).toBe(bundle);
  expect(existsSync(join(torn, "training"))).toBe(false);
}, 240_000);
