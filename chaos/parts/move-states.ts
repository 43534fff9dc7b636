/** `upnext state migrate` from the states of a directory into a second store in it, as a process beside the server does. */
import { join } from "node:path";
import { type Progress, silent, systemClock } from "../../src/core/index.ts";
import { openFileLog } from "../../src/events/index.ts";
import { type MigrationReport, migrate, openLmdbStore, type StateStore } from "../../src/state/index.ts";

/** Goes on where one was killed. `inspect` sees the target before it is closed. */
export async function moveStates(
  directory: string,
  progress: Progress = silent,
  inspect: (target: StateStore, report: MigrationReport) => Promise<void> = async () => {},
): Promise<void> {
  const log = await openFileLog(join(directory, "log"), { readOnly: true });
  const source = await openLmdbStore({ path: join(directory, "state") }, { log: log.id });
  const target = await openLmdbStore({ path: join(directory, "moved") }, { log: log.id });
  try {
    const report = await migrate({
      source,
      target,
      log,
      logId: log.id,
      from: "lmdb",
      to: "lmdb:moved",
      file: join(directory, "migration.json"),
      replace: true,
      clock: systemClock,
      progress,
    });
    await inspect(target, report);
  } finally {
    await target.close();
    await source.close();
    await log.close();
  }
}
