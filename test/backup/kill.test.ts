/** `kill -9` in the middle of a restore and of a migration: what was there can be used, and the next run ends well. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { backup, erasuresOf, restore } from "../../src/backup/index.ts";
import { Random, silent, systemClock } from "../../src/core/index.ts";
import { openFileLog } from "../../src/events/index.ts";
import { catchUp, memoryStore, openLmdbStore, stateDigest } from "../../src/state/index.ts";
import { interaction, readEvents } from "../events/make-events.ts";
import { erasure } from "../state/touches.ts";

const WORK = fileURLToPath(new URL("work.child.ts", import.meta.url));
const { UPNEXT_KILLS = "6" } = process.env;
const KILLS = Number(UPNEXT_KILLS);
const EVENTS = 20_000;
const random = new Random("kills of restore and migration");

let home: string;
let directory: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "upnext-backup-kill-"));
  directory = join(home, "data");
  await mkdir(directory);
  const log = await openLog();
  for (let n = 0; n < EVENTS; n += 500) {
    const events = Array.from({ length: 500 }, (_, i) =>
      interaction(n + i, { user: `u${(n + i) % 2003}` as never }),
    );
    await log.append(events);
  }
  await log.close();
});
afterEach(() => rm(home, { recursive: true }));

const openLog = (readOnly = false) =>
  openFileLog(join(directory, "log"), { segmentBytes: 100_000, readOnly });

/** Runs one of work.child.ts's functions, kills it `patience` ms after it began; whether that was before it was done. */
async function killed(work: string, args: readonly string[], patience: number): Promise<boolean> {
  const script = `
    import { createJiti } from "jiti";
    const work = await createJiti(${JSON.stringify(import.meta.url)}).import(${JSON.stringify(WORK)});
    await work.${work}(...${JSON.stringify(args)});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.once("data", () => void sleep(patience).then(() => child.kill("SIGKILL")));
  const [code, signal] = await once(child, "exit");
  if (signal === null) expect(code).toBe(0);
  return signal === "SIGKILL";
}

async function eventsNow(): Promise<number> {
  const log = await openLog(true);
  const events = await readEvents(log);
  await log.close();
  return events.length;
}

it(`a directory is the old one or the restored one over ${KILLS} kills, and who was forgotten stays forgotten`, async () => {
  const path = join(home, "copy");
  await backup({ directory, path, config: null, clock: systemClock, progress: silent });
  const log = await openLog();
  await log.append([interaction(EVENTS), erasure("u5", 1_800_000_000_000)]);
  await log.close();
  const [old, restored] = [EVENTS + 2, EVENTS + 1];
  let hits = 0;
  for (let run = 0; run < KILLS; run++) {
    if (await killed("restoring", [path, directory], random.next() * 300)) hits++;
    // Between two renames there is none; the next restore puts it back.
    if (existsSync(directory)) expect([old, restored]).toContain(await eventsNow());
  }
  expect(hits).toBeGreaterThan(0);
  await restore({ path, directory, replace: true, clock: systemClock, progress: silent });
  expect(await eventsNow()).toBe(restored);
  expect([...(await erasuresOf(directory)).keys()]).toEqual(["u5"]);
  expect((await readdir(home)).filter((name) => name.includes("restoring"))).toEqual([]);
});

it("a restore that was killed between its two renames is undone by the next, with its erasures", async () => {
  const path = join(home, "copy");
  await backup({ directory, path, config: null, clock: systemClock, progress: silent });
  const log = await openLog();
  await log.append([erasure("u5", 1_800_000_000_000)]);
  await log.close();
  await mkdir(`${directory}.before-restore-1`);
  await rename(directory, `${directory}.before-restore-2`);
  await mkdir(`${directory}.restoring`);
  expect(
    await restore({ path, directory, replace: true, clock: systemClock, progress: silent }),
  ).toMatchObject({ erasures: 1, before: `${directory}.before-restore-2` });
});

it(`a migration ends with the states of the log over ${KILLS} kills`, async () => {
  const log = await openLog();
  const source = await openLmdbStore({ path: join(directory, "state") }, { log: log.id });
  await catchUp(source, log);
  let hits = 0;
  for (let run = 0; run < KILLS; run++) {
    if (await killed("migrating", [directory], 20 + random.next() * 300)) hits++;
    // Done, if perhaps killed before it could say so: the next one begins anew.
    if (!existsSync(join(directory, "migration.json"))) {
      await rm(join(directory, "target"), { recursive: true, force: true });
    }
    // Serving goes on meanwhile.
    await log.append([
      interaction(EVENTS + run, { user: `u${run}` as never }),
      erasure(`u${10 + run}`, 1_800_000_000_000),
    ]);
    await catchUp(source, log);
  }
  expect(hits).toBeGreaterThan(0);
  expect(await killed("migrating", [directory], 60_000)).toBe(false);
  const target = await openLmdbStore({ path: join(directory, "target") }, { log: log.id });
  await catchUp(target, log);
  const fold = memoryStore();
  await catchUp(fold, log);
  expect(await stateDigest(target)).toBe(await stateDigest(fold));
  await Promise.all([source.close(), target.close(), log.close()]);
});
