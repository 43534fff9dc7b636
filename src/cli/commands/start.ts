/**
 * `upnext start`: from nothing to a running recommender. The first time it makes a log (a simulated video platform, or
 * the user's own data), trains, and says how good it is; every time it serves, and says what to try.
 */
import { basename, join, resolve } from "node:path";
import { Command, Option } from "commander";
import type { UserId } from "../../core/index.ts";
import { DAY, MINUTE, UpnextError } from "../../core/index.ts";
import type { Upnext } from "../../upnext.ts";
import { type AddressOptions, addressOf, addressOptions, checkAddress } from "../address.ts";
import { count, duration } from "../amounts.ts";
import { programName, quoted, shownPath } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { addDataOptions, type DataOptions, importRequest } from "../data-options.ts";
import { openInstance } from "../open-instance.ts";
import { integerFrom } from "../option-parsers.ts";
import type { StartSource } from "../start-data.ts";
import { readMarker, type SimulatedData, type StartMarker } from "../start-marker.ts";
import { withContext } from "../with-context.ts";

interface Options extends GlobalOptions, DataOptions, AddressOptions {
  readonly data?: string;
  readonly serve: boolean;
  readonly viewers: number;
  readonly users: number;
  readonly videos: number;
  readonly events: number;
  readonly days: number;
}

/** Trains within a minute on two cores, and is large enough for the sources to differ. */
const PLATFORM = { users: 2_500, videos: 6_000, events: 220_000, days: 30 } as const;

/** Slates a second; more is a load test, which has a command of its own. */
const MOST_VIEWERS = 100;

/** Of the first training: who looks at the program for the first time does not wait for the best model. */
const TIME_BUDGET = MINUTE;
const MAX_LISTS = 3_000;

export function startCommand(): Command {
  const [port, host] = addressOptions();
  const command = new Command("start")
    .alias("demo")
    .summary("make or import a log, train, serve: the whole path in one command")
    .description(
      "Makes the log of a simulated video platform (or imports --data), trains, prints how good it is, and serves. " +
        "The second time it serves what is there.",
    )
    .option(
      "--data <path>",
      "your own data instead of the simulation: a file, or the folder of a known data set",
    )
    .addOption(port)
    .addOption(host)
    .option(
      "--viewers <n>",
      "slates a second that simulated people ask for while the simulation is served; 0 for none",
      integerFrom(0, MOST_VIEWERS),
      5,
    )
    .addOption(new Option("--no-serve", "end when everything is ready").hideHelp())
    .addHelpText("after", examples);
  for (const [name, size] of Object.entries(PLATFORM)) {
    const parse = integerFrom(1, 1_000_000_000);
    command.addOption(new Option(`--${name} <n>`).argParser(parse).default(size).hideHelp());
  }
  return addDataOptions(command).action(withContext("together", start));
}

async function start(context: Context, options: Options) {
  const { config, clock, say } = context;
  const began = clock.monotonic();
  const address = addressOf(options, config.server);
  if (options.serve) await checkAddress(address);
  const directory = directoryOf(context, options);
  const found = await readMarker(directory);
  const source =
    options.data === undefined || found?.complete ? undefined : await sourceOf(options.data, options);

  const { createMetrics } = await import("../../monitoring/index.ts");
  const metrics = createMetrics();
  say(`upnext in ${shownPath(directory)}`);
  const instance = await openInstance(context, { directory, metrics });
  const example = await ensureData(context, instance, { directory, found, options, source });
  const trained = await ensureTrained(context, instance);
  if (!trained) say(await foundText(instance));
  if (!options.serve) return;

  const { serveInstance } = await import("../serve-instance.ts");
  const tryNext = await tryNextLines(context, instance, example, directory);
  const { data } = (await readMarker(directory)) ?? {};
  const watched = data?.kind === "simulation" && options.viewers > 0 ? data : null;
  const { startViewers } = await import("../viewers.ts");
  await serveInstance(context, instance, metrics, address, (url) => {
    if (watched !== null)
      context.shutdown.defer(startViewers(instance, watched, options.viewers, clock).stop);
    context.print(`serving on ${url} after ${duration(clock.monotonic() - began)}`);
    say(
      `\nOpen ${url} in a browser to see the system at work.\n\nTry next, in another terminal:\n${tryNext(url)}\n\nCtrl-C ends it; the next start serves the same log and bundle.`,
    );
  });
}

/** --dir itself where it is given; otherwise one folder a data set, so that none is mixed into another. */
function directoryOf({ config, directoryGiven }: Context, { data }: Options): string {
  if (directoryGiven) return config.directory;
  if (data === undefined) return join(config.directory, "demo");
  const name = basename(resolve(data)).replace(/(\.(csv|tsv|txt|dat|jsonl|ndjson|json|parquet|gz))+$/i, "");
  return join(config.directory, name === "" ? "data" : name);
}

/** The user's data, looked at before anything is made: a wrong path leaves nothing behind. */
async function sourceOf(path: string, options: Options): Promise<StartSource> {
  const { exampleOf } = await import("../start-data.ts");
  const request = await importRequest(resolve(path), options);
  return { request, example: await exampleOf(request) };
}

interface Wanted {
  readonly directory: string;
  /** What earlier starts have left. */
  readonly found: StartMarker | null;
  readonly options: Options;
  readonly source: StartSource | undefined;
}

/** Makes the log, or goes on where an earlier start was stopped. Returns a user and an item of it. */
async function ensureData(
  context: Context,
  instance: Upnext,
  { directory, found, options, source }: Wanted,
): Promise<StartMarker["example"]> {
  const { clock, config, say } = context;
  const { exampleInLog, importForStart, simulateInto } = await import("../start-data.ts");
  const { log } = await instance.status();
  if (log.end > 0) {
    // A log that `import` or clients have filled is served as it is.
    if (found === null && source === undefined) return exampleInLog(directory);
    refuseOtherData(directory, found, options);
    if (found?.complete) return found.example;
    say("an earlier start did not finish its data; going on with it");
  }
  if (source !== undefined) return (await importForStart(context, instance, directory, source)).example;
  const { users, videos, events, days } = options;
  // Whole days: two starts on one day make the same log.
  const end = Math.floor(clock.now() / DAY) * DAY;
  const fresh: SimulatedData = { kind: "simulation", users, videos, events, days, seed: config.seed, end };
  const data = log.end > 0 && found?.data.kind === "simulation" ? found.data : fresh;
  return (await simulateInto(context, instance, directory, data)).example;
}

/** One log, one data set: what was mixed can never be taken apart. */
function refuseOtherData(directory: string, found: StartMarker | null, { data }: Options): void {
  const wanted = data === undefined ? "the simulation" : resolve(data);
  const there =
    found === null ? "other events" : found.data.kind === "import" ? found.data.path : "the simulation";
  if (there === wanted) return;
  const path = shownPath(directory);
  throw new UpnextError(
    "invalid_request",
    `${path}: expected the log of ${wanted}, it holds ${there}. Choose another directory with --dir, ` +
      `or add to this log with: ${programName()} import PATH --dir ${quoted(path)}`,
  );
}

/** Trains where there is no bundle, or none that can be served. Returns whether it did. */
async function ensureTrained({ config, progress, print, say }: Context, instance: Upnext): Promise<boolean> {
  const { bundle, checks } = await instance.status();
  const refused = checks.find(({ name, level }) => name === "bundle" && level === "failure");
  if (bundle !== null && refused === undefined) return false;
  if (refused !== undefined) say(`${refused.message} Training anew.`);
  const report = await instance.train(progress, {
    timeBudget: config.training.timeBudget ?? TIME_BUDGET,
    maxLists: config.training.maxLists ?? MAX_LISTS,
  });
  const { trainText } = await import("../train-text.ts");
  print(`${trainText(report, config.training.holdOut)}\n`);
  if (!report.release.accepted) {
    const { releaseText } = await import("../release-text.ts");
    print(`${releaseText(report.release)}\n`);
  }
  return true;
}

async function foundText(instance: Upnext): Promise<string> {
  const { log, catalog, bundle } = await instance.status();
  const trained =
    bundle === null
      ? "nothing trained"
      : `bundle ${bundle.id}, trained ${new Date(bundle.trainedAt).toISOString()}`;
  return `found ${count(log.end)} events, ${count(catalog.items)} items, ${trained}`;
}

/** The example user's first item is asked for now: what is pasted then is about something on the screen. */
async function tryNextLines(
  { config, program }: Context,
  instance: Upnext,
  example: StartMarker["example"],
  directory: string,
): Promise<(url: string) => string> {
  const { tryNextText } = await import("../try-next.ts");
  const { items } = await instance.recommend({ user: example.user as UserId, limit: 1, log: false });
  const shown = {
    user: example.user,
    item: items[0]?.item ?? example.item,
    keyed: config.server.apiKeys.length > 0,
  };
  const here = directory === config.directory ? program : `${program} --dir ${quoted(shownPath(directory))}`;
  return (url) => tryNextText({ url, ...shown, program: here });
}

function examples(): string {
  const upnext = programName();
  return `
Examples:
  ${upnext} start
  PORT=9000 ${upnext} start
  ${upnext} start --data ml-latest-small
  ${upnext} start --data watched.csv --columns user=uid,item=video,time=ts --items videos.csv`;
}
