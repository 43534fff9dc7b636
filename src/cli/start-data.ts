/** The data of `start`: a simulated video platform or the user's own, into the log, once. */
import type { EpochMs } from "../core/index.ts";
import type { ImportRequest } from "../datasets/index.ts";
import type { Upnext } from "../upnext.ts";
import type { Context } from "./context.ts";
import { importText } from "./import-text.ts";
import { type SimulatedData, type StartMarker, writeMarker } from "./start-marker.ts";

/** Events of one append. Measured: beyond a few thousand, larger ones are no faster. */
const APPEND = 5_000;

/** Puts the events of the simulated platform into the log; those that are there are skipped by their ids. */
export async function simulateInto(
  { progress }: Context,
  instance: Upnext,
  directory: string,
  data: SimulatedData,
): Promise<StartMarker> {
  const { simulate } = await import("../simulation/index.ts");
  const begun: StartMarker = { format: 1, data, complete: false, example: { user: "u1", item: "v1" } };
  await writeMarker(directory, begun);
  progress.step("simulate a video platform", data.events, "events");
  const { kind: _, ...options } = data;
  let made = 0;
  let held: Parameters<Upnext["track"]>[0] & readonly unknown[] = [];
  const flush = async () => {
    await instance.track(held);
    made += held.length;
    held = [];
    progress.update(made);
  };
  for (const batch of simulate({ ...options, end: options.end as EpochMs })) {
    held = [...held, ...batch];
    if (held.length >= APPEND) await flush();
  }
  if (held.length > 0) await flush();
  progress.end();
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

/** The first user and item of the data. Rejects as the import would where the data cannot be read. */
export async function exampleOf(request: Omit<ImportRequest, "now">): Promise<StartMarker["example"]> {
  const { detectFormat, IMPORTERS } = await import("../datasets/index.ts");
  const { importer } = await detectFormat(IMPORTERS, request);
  for await (const { events } of importer.read(request, { now: Infinity as EpochMs })) {
    for (const event of events)
      if (event.kind === "interaction") return { user: event.user, item: event.item };
  }
  return { user: "u1", item: "v1" };
}
