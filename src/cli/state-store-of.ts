/** The parts of a directory that commands about user states work on, without an instance: its log and its stores. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ResolvedConfig, statePlaceOf } from "../config/index.ts";
import { type Ms, UpnextError } from "../core/index.ts";
import { type FileLog, openFileLog } from "../events/index.ts";
import {
  openStateStore,
  parsePlace,
  type StateLimits,
  type StatePlace,
  type StateStore,
} from "../state/index.ts";
import { shownPath } from "./command-line.ts";
import type { Context } from "./context.ts";
import { asUsage } from "./failure.ts";

/** The log of the command's directory, read beside whoever writes it. Rejects with `data_not_found`. */
export async function openLog({ config, shutdown, program }: Context): Promise<FileLog> {
  const directory = join(config.directory, "log");
  if (!existsSync(directory)) {
    throw new UpnextError(
      "data_not_found",
      `${shownPath(config.directory)}: expected a directory with a log, there is none. Read data into it with: ${program} import PATH`,
    );
  }
  const log = await openFileLog(directory, { readOnly: true });
  shutdown.defer(() => log.close());
  return log;
}

function limitsOf({ state }: ResolvedConfig): StateLimits {
  const { touches, vetoes, maxAge } = state;
  return { touches, vetoes, ...(maxAge !== undefined && { maxAge: maxAge as Ms }) };
}

/** Where the configuration keeps user states. */
export function ownPlace({ config }: Context): StatePlace {
  return statePlaceOf(config.state, config.directory);
}

/** The place that an option names; the configuration's where it was not given. */
export function placeOf(context: Context, option: string, text: string | undefined): StatePlace {
  if (text === undefined) return ownPlace(context);
  return asUsage(option, () => parsePlace(text, join(context.config.directory, "state")));
}

/** @param log the log whose states they are; whatever is there is taken where it is absent */
export async function openStore(context: Context, place: StatePlace, log?: FileLog): Promise<StateStore> {
  const { config, clock, shutdown } = context;
  const store = await openStateStore(place, {
    limits: limitsOf(config),
    clock,
    ...(log?.id && { log: log.id }),
  });
  shutdown.defer(() => store.close());
  return store;
}
