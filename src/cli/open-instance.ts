/** Opens the directory of a command, and closes it when the command ends. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UpnextError } from "../core/index.ts";
import type { Metrics } from "../monitoring/index.ts";
import type { Upnext } from "../upnext.ts";
import { shownPath } from "./command-line.ts";
import type { Context } from "./context.ts";

export interface OpenInstance {
  /** Beside a writer in another process: no events, no impressions. */
  readonly readOnly?: boolean;
  /** Serves beside a writer in another process. */
  readonly replica?: boolean;
  /** Of a directory that has a log already; readers and replicas want one in any case. */
  readonly existing?: boolean;
  readonly metrics?: Metrics;
  /** Threads that compute networks, where the configuration does not say; 0 where absent. */
  readonly threads?: number;
  /** Instead of the configuration's. */
  readonly directory?: string;
}

/** Rejects with `data_not_found` where a log is wanted and there is none, otherwise as `open` does. */
export async function openInstance(context: Context, options: OpenInstance = {}): Promise<Upnext> {
  const { config, clock, progress, shutdown, program } = context;
  const { readOnly = false, replica = false, existing = readOnly || replica, metrics, threads } = options;
  const directory = options.directory ?? config.directory;
  if (existing && !existsSync(join(directory, "log"))) {
    throw new UpnextError(
      "data_not_found",
      `${shownPath(directory)}: expected a directory with a log, there is none. ${elsewhere(directory)}` +
        `Read data into it with: ${program} import PATH`,
    );
  }
  const { open } = await import("../upnext.ts");
  const instance = await open({
    config,
    directory,
    clock,
    progress,
    readOnly,
    replica,
    ...(metrics === undefined ? {} : { metrics }),
    ...(threads === undefined ? {} : { threads }),
  });
  shutdown.defer(() => instance.close());
  progress.end();
  return instance;
}

/** `start` keeps its data one level below. */
function elsewhere(directory: string): string {
  const demo = join(directory, "demo");
  return existsSync(join(demo, "log")) ? `The demo is in ${shownPath(demo)}: --dir ${shownPath(demo)}. ` : "";
}
