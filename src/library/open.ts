/**
 * Opens a directory: log, snapshots, states, catalog, bundles. What the configuration chooses is put together here and
 * nowhere else.
 */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Catalog, createCatalog } from "../catalog/index.ts";
import { type ResolvedConfig, resolveConfig, statePlaceOf } from "../config/index.ts";
import { type Ms, silent, systemClock, UpnextError } from "../core/index.ts";
import { type AppendClient, connectAppends, type FileLog, openFileLog } from "../events/index.ts";
import type { ErasureReceipt, TrackResult } from "../pipeline/index.ts";
import { HEADS } from "../ranking/index.ts";
import { openFileRegistry } from "../registry/index.ts";
import { sourcesNamed } from "../retrieval/index.ts";
import { openSnapshots, type Snapshots } from "../snapshots/index.ts";
import { Instance } from "./instance.ts";
import { openStates, type States } from "./states.ts";
import type { OpenOptions, Upnext } from "./types.ts";

/** Rejects with what the log, the store, the registry or the configuration reject with. */
export async function open(options: OpenOptions = {}): Promise<Upnext> {
  const config = resolveConfig(options.config);
  checkNames(config);
  const directory = resolve(options.directory ?? config.directory);
  const clock = options.clock ?? systemClock;
  const progress = options.progress ?? silent;
  const role = options.readOnly ? "reader" : options.replica ? "replica" : "writer";
  if (role === "writer") await mkdir(directory, { recursive: true });
  const logDirectory = join(directory, "log");
  const log = await openFileLog(logDirectory, {
    clock,
    readOnly: role !== "writer",
    segmentBytes: config.log.segmentBytes,
  });
  let states: States | undefined;
  let writer: AppendClient<TrackResult, ErasureReceipt> | undefined;
  try {
    const snapshots = await openSnapshots(join(directory, "snapshots"), { clock, log: log.id });
    const { touches, vetoes, maxAge } = config.state;
    states = await openStates({
      place: statePlaceOf(config.state, directory),
      limits: { touches, vetoes, ...(maxAge !== undefined && { maxAge: maxAge as Ms }) },
      role,
      log,
      snapshots,
      clock,
    });
    const catalog = await catalogOf(log, snapshots);
    const registry = await openFileRegistry(join(directory, "bundles"), { clock });
    if (role === "replica") writer = connectAppends(logDirectory);
    const instance = new Instance({
      config,
      directory,
      clock,
      role,
      log,
      writer,
      snapshots,
      states,
      catalog,
      registry,
      metrics: options.metrics,
      threads: config.serving.threads ?? options.threads ?? 0,
    });
    await instance.start(progress);
    return instance;
  } catch (cause) {
    await writer?.close();
    await states?.close();
    await log.close();
    throw cause;
  }
}

/** The catalog of the newest snapshot that belongs to what is in the log; an empty one where there is none. */
async function catalogOf(log: FileLog, snapshots: Snapshots): Promise<Catalog> {
  const snapshot = await snapshots.newest({ from: log.first, through: log.end });
  if (snapshot !== undefined) return snapshot.catalog();
  if (log.first === 0) return createCatalog();
  throw new UpnextError(
    "snapshot_corrupt",
    `${log.directory}: expected a snapshot of what came before event ${log.first}, where the log begins, and found none that is whole. Restore the directory from a backup: upnext restore PATH`,
  );
}

/** Names that the configuration's own schema cannot know. */
function checkNames({ retrieval, ranking }: ResolvedConfig): void {
  sourcesNamed(retrieval.sources);
  const heads = HEADS.map(({ name }) => name);
  for (const name of Object.keys(ranking.headWeights)) {
    if (heads.includes(name)) continue;
    throw new UpnextError(
      "invalid_config",
      `ranking.headWeights: expected names out of ${heads.join(", ")}, got "${name}"`,
    );
  }
}
