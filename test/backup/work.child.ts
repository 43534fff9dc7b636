/** For a child process that is killed in the middle of a restore or a migration; says when it begins and when it is done. */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { restore } from "../../src/backup/index.ts";
import { silent, systemClock } from "../../src/core/index.ts";
import { openFileLog } from "../../src/events/index.ts";
import { migrate, openLmdbStore } from "../../src/state/index.ts";

const say = (line: string) => writeSync(1, `${line}\n`);

export async function restoring(path: string, directory: string): Promise<void> {
  say("begin");
  await restore({ path, directory, replace: true, clock: systemClock, progress: silent });
  say("done");
}

export async function migrating(directory: string): Promise<void> {
  const log = await openFileLog(join(directory, "log"), { readOnly: true });
  const [source, target] = await Promise.all(
    ["state", "target"].map((name) => openLmdbStore({ path: join(directory, name) }, { log: log.id })),
  );
  say("begin");
  await migrate({
    source: source!,
    target: target!,
    log,
    logId: log.id,
    from: "lmdb:state",
    to: "lmdb:target",
    file: join(directory, "migration.json"),
    replace: false,
    clock: systemClock,
    progress: silent,
  });
  await target!.close();
  await source!.close();
  say("done");
}
