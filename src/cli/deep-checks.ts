/** What `doctor --deep` looks at: every byte that an instance would rely on, and whether the states are the log's. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type BundleId, UpnextError } from "../core/index.ts";
import type { FileLog } from "../events/index.ts";
import type { Check } from "../pipeline/recommender.ts";
import { placeText } from "../state/index.ts";
import { plural } from "./amounts.ts";
import type { Context } from "./context.ts";
import { openLog, openStore, ownPlace } from "./state-store-of.ts";

const RESTORE = "npx upnext restore PATH --replace, from a backup that was made before";

export async function deepChecks(context: Context): Promise<readonly Check[]> {
  const log = await openLog(context);
  return [
    await checked("log files", RESTORE, () => logFiles(context, log)),
    await checked("snapshots", RESTORE, () => snapshotFiles(context, log)),
    await checked("bundle files", "npx upnext train", () => bundleFiles(context)),
    await stateCheck(context, log),
  ];
}

/** Whether the store of the configuration holds what the log says. */
export function stateCheck(context: Context, log: FileLog): Promise<Check> {
  const cure =
    "stop the server, then npx upnext state clear --yes: the next start fills the store from the log";
  return checked("states", cure, () => states(context, log));
}

/** What is well in words, or what is not. */
type Finding = string | { readonly problems: readonly string[] };

async function checked(name: string, cure: string, look: () => Promise<Finding>): Promise<Check> {
  try {
    const finding = await look();
    if (typeof finding === "string") return { name, level: "ok", message: finding };
    return { name, level: "failure", message: finding.problems.join(" "), cure };
  } catch (error) {
    if (!(error instanceof UpnextError)) throw error;
    return { name, level: "failure", message: `${error.code}: ${error.message}`, cure };
  }
}

async function logFiles({ progress }: Context, log: FileLog): Promise<Finding> {
  const { segments, events, problems } = await log.verify(progress);
  if (problems.length > 0) return { problems: problems.map(({ message }) => message) };
  return `${plural(events, "event")} in ${plural(segments, "file")} match their checksums.`;
}

async function snapshotFiles({ config, clock, progress }: Context, log: FileLog): Promise<Finding> {
  const { openSnapshots } = await import("../snapshots/index.ts");
  progress.step("read snapshots");
  const snapshots = await openSnapshots(join(config.directory, "snapshots"), { clock, log: log.id });
  const problems = await snapshots.verify();
  if (problems.length > 0) return { problems };
  return `${plural((await snapshots.list()).length, "snapshot")} can be read.`;
}

async function bundleFiles({ config, clock, progress }: Context): Promise<Finding> {
  const folder = join(config.directory, "bundles");
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^[0-9a-f]{16}$/.test(name));
  if (names.length === 0) return "There are no bundles.";
  progress.step("read bundles", names.length, "bundles");
  const { openFileRegistry } = await import("../registry/index.ts");
  const registry = await openFileRegistry(folder, { clock });
  const problems: string[] = [];
  for (const [i, name] of names.entries()) {
    await registry.open(name as BundleId).catch((error: unknown) => {
      if (!(error instanceof UpnextError)) throw error;
      problems.push(error.message);
    });
    progress.update(i + 1);
  }
  return problems.length > 0 ? { problems } : `${plural(names.length, "bundle")} match their hashes.`;
}

async function states(context: Context, log: FileLog): Promise<Finding> {
  const { config, clock, progress } = context;
  const place = ownPlace(context);
  if (place.store === "memory") return "User states are folded anew at every start.";
  if (place.store === "lmdb" && !existsSync(place.path)) return "The first start makes the store.";
  const { catchUp, compareStates, memoryStore, writeStates } = await import("../state/index.ts");
  const store = await openStore(context, place, log);
  const fold = memoryStore({ limits: store.limits, clock });
  if (log.first > 0) {
    const { openSnapshots } = await import("../snapshots/index.ts");
    const snapshots = await openSnapshots(join(config.directory, "snapshots"), { clock, log: log.id });
    const base = await snapshots.base({ from: log.first, through: log.end });
    if (base === undefined)
      return { problems: ["There is no whole snapshot of the log's beginning to compare with."] };
    await writeStates(fold, base.states());
    await fold.skipTo(base.offset);
  }
  progress.step("fold the log", log.end, "events");
  await catchUp(fold, log, progress);
  const { users, different, digest, offset } = await compareStates(store, fold, log, clock, progress);
  const behind = offset - (await store.readApplied());
  const where = `${placeText(place)}, ${plural(users, "user")} at offset ${offset}`;
  if (different > 0)
    return { problems: [`The states of ${plural(different, "user")} in ${where} are not those of the log.`] };
  const lag = behind > 0 ? `, once the ${plural(behind, "event")} that it lacks are in it` : "";
  return `${where}: what the log says${lag} (SHA-256 ${digest.slice(0, 16)}…).`;
}
