/** The data of `start`: a simulated video platform or the user's own, into the log, once. */
import { join } from "node:path";
import type { EpochMs, Offset } from "../core/index.ts";
import type { ImportRequest } from "../datasets/index.ts";
import type { Event } from "../events/index.ts";
import type { Upnext } from "../upnext.ts";
import { plural } from "./amounts.ts";
import type { Context } from "./context.ts";
import { importText } from "./import-text.ts";
import { type SimulatedData, type StartMarker, writeMarker } from "./start-marker.ts";

/** Events of one append. Measured: beyond a few thousand, larger ones are no faster. */
const APPEND = 5_000;

/** Names for lines to try where the data has none: they are answered with popular items. */
const NOBODY = { user: "u1", item: "v1" };

/** Puts the events of the simulated platform into the log; those that are there are skipped by their ids. */
export async function simulateInto(
  { progress, say }: Context,
  instance: Upnext,
  directory: string,
  data: SimulatedData,
): Promise<StartMarker> {
  const { simulate } = await import("../simulation/index.ts");
  const begun: StartMarker = { format: 1, data, complete: false, example: NOBODY };
  await writeMarker(directory, begun);
  progress.step("simulate a video platform", data.events, "interactions");
  const { kind: _, ...options } = data;
  const made = { interaction: 0, impression: 0, item: 0, "item-removal": 0, user: 0, erasure: 0 };
  let held: Event[] = [];
  const flush = async () => {
    await instance.track(held);
    for (const { kind } of held) made[kind]++;
    held = [];
    progress.update(made.interaction);
  };
  for (const batch of simulate({ ...options, end: options.end as EpochMs })) {
    held.push(...batch);
    if (held.length >= APPEND) await flush();
  }
  if (held.length > 0) await flush();
  progress.end();
  say(
    `simulated ${data.days} days of a video platform: ${plural(made.user, "user")}, ${plural(made.item, "video")}, ` +
      `${plural(made.impression, "impression")}, ${plural(made.interaction, "interaction")}`,
  );
  return finish(directory, begun);
}

/** The user's own data. */
export interface StartSource {
  /** `path` is absolute. */
  readonly request: Omit<ImportRequest, "now">;
  readonly example: StartMarker["example"];
}

/** Imports the user's data; run again, nothing is taken twice. */
export async function importForStart(
  { progress, print }: Context,
  instance: Upnext,
  directory: string,
  { request, example }: StartSource,
): Promise<StartMarker> {
  const data = { kind: "import", path: request.path } as const;
  const begun: StartMarker = { format: 1, data, complete: false, example };
  await writeMarker(directory, begun);
  print(importText(await instance.import(request, progress)));
  return finish(directory, begun);
}

async function finish(directory: string, begun: StartMarker): Promise<StartMarker> {
  const marker = { ...begun, complete: true };
  await writeMarker(directory, marker);
  return marker;
}

/** The first user and item of a log that something else has filled. */
export async function exampleInLog(directory: string): Promise<StartMarker["example"]> {
  const { openFileLog } = await import("../events/index.ts");
  const log = await openFileLog(join(directory, "log"), { readOnly: true });
  try {
    for await (const batch of log.read(0 as Offset)) {
      for (const { event } of batch) {
        if (event.kind === "interaction") return { user: event.user, item: event.item };
      }
    }
  } finally {
    await log.close();
  }
  return NOBODY;
}

/** The first user and item of the data. Rejects as the import would where the data cannot be read. */
export async function exampleOf(request: Omit<ImportRequest, "now">): Promise<StartMarker["example"]> {
  const { detectFormat, IMPORTERS } = await import("../datasets/index.ts");
  const { importer } = await detectFormat(IMPORTERS, request);
  for await (const { events } of importer.read(request, { now: Infinity as EpochMs })) {
    for (const event of events)
      if (event.kind === "interaction") return { user: event.user, item: event.item };
  }
  return NOBODY;
}
