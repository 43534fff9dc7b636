/**
 * `npm run chaos -- shuffle [--events 1000000] [--dynamodb-events 4000] [--stores memory,lmdb] [--seed 1]`: every event is
 * sent one to five times, in any order, by four writers at once, and the states are those of a plain model that was
 * told each event once.
 *
 * Two ways into each store: `write` and `erase`, as nobody's order and nobody's repetition may matter; and `apply` out
 * of a log, which takes an id once, with batches that are applied again from an earlier offset.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Offset, UpnextError } from "../src/core/index.ts";
import { type Event, type FileLog, openFileLog } from "../src/events/index.ts";
import { openStateStore, type StatePlace, type StateStore, touchOf } from "../src/state/index.ts";
import { optionsOf } from "./parts/options.ts";
import { type Outcome, say, table } from "./parts/outcome.ts";
import { PLACES, whyNot } from "./parts/places.ts";
import { PlainStates } from "./parts/plain-states.ts";
import { withFolder } from "./parts/scratch.ts";
import { deliver, deliveries, LIMITS, shuffledEvents } from "./parts/shuffled-events.ts";

export const about =
  "events sent one to five times, shuffled, by four writers: every store holds what a plain model does";

/** The sources are run as they are. */
export const needsBuild = false;

const WRITERS = 4;
/** Of events in one call. Of DynamoDB each is several requests, and its stand-in answers them within this process. */
const BATCH = 1000;
const DYNAMODB_BATCH = 20;
/** Every so many batches, what came before is applied once more. */
const AGAIN = 10;
/** A call is repeated so often, after such a pause. */
const REPEATS = 20;
const PAUSE_MS = 100;

export interface Shuffled {
  readonly store: string;
  readonly events: number;
  readonly deliveries: number;
  readonly users: number;
  /** Users whose state is another than the model's, by the way in which the events came. */
  readonly written: number;
  readonly applied: number;
  readonly writeSeconds: number;
  readonly applySeconds: number;
}

export async function run(args: readonly string[]): Promise<Outcome> {
  const all = Object.keys(PLACES) as StatePlace["store"][];
  const options = optionsOf(args, {
    events: 1_000_000,
    "dynamodb-events": 4000,
    stores: all.join(","),
    seed: "1",
  });
  const results: Shuffled[] = [];
  const skipped: Record<string, string> = {};
  for (const store of options.stores.split(",") as StatePlace["store"][]) {
    if (!all.includes(store)) {
      throw new UpnextError(
        "invalid_request",
        `--stores: expected names out of ${all.join(", ")}, got "${store}"`,
      );
    }
    const missing = whyNot(store);
    if (missing !== undefined) {
      skipped[store] = missing;
      say(`${store}: skipped, ${missing}`);
      continue;
    }
    // The stand-in for DynamoDB runs in this process, and takes some milliseconds a request.
    const count = Math.min(
      options.events,
      store === "dynamodb" ? options["dynamodb-events"] : options.events,
    );
    say(`${store}: ${count} events`);
    results.push(await shuffle(store, count, options.seed));
  }
  const head = [
    "store",
    "events",
    "deliveries",
    "users",
    "other by write",
    "other by apply",
    "write s",
    "apply s",
  ];
  say(table([head, ...results.map((each) => Object.values(each))]));
  const broken = results.flatMap(({ store, written, applied }) => {
    if (written + applied === 0) return [];
    return [`${store}: 0 states other than the model's, found ${written} by write and ${applied} by apply`];
  });
  return { broken, figures: { options, results, skipped } };
}

/** One store, both ways. */
export async function shuffle(store: StatePlace["store"], count: number, seed: string): Promise<Shuffled> {
  return withFolder("shuffle", async (folder) => {
    const events = shuffledEvents(count, seed);
    const order = deliveries(count, seed);
    const model = modelOf(events);
    const log = await openFileLog(join(folder, "log"));
    try {
      await deliver(events, order, WRITERS, BATCH, (_, batch) => log.append(batch));
      if (log.end !== count)
        throw new Error(`expected each of ${count} events once in the log, it has ${log.end}`);
      const size = store === "dynamodb" ? DYNAMODB_BATCH : BATCH;
      const written = await inStore(store, join(folder, "write"), model, (opened) =>
        deliver(events, order, WRITERS, size, (writer, batch) => writeTo(opened[writer]!, batch)),
      );
      say(`${store}: ${written.differences} users differ after write, ${written.seconds} s`);
      const applied = await inStore(store, join(folder, "apply"), model, ([first]) => applyTo(first!, log));
      return {
        store,
        events: count,
        deliveries: order.length,
        users: model.size,
        written: written.differences,
        applied: applied.differences,
        writeSeconds: written.seconds,
        applySeconds: applied.seconds,
      };
    } finally {
      await log.close();
    }
  });
}

function modelOf(events: readonly Event[]): PlainStates {
  const model = new PlainStates(LIMITS);
  model.apply(events.map((event, offset) => ({ offset: offset as Offset, event })));
  return model;
}

/** Opens the store once for every writer, has it filled, and compares. */
async function inStore(
  store: StatePlace["store"],
  folder: string,
  model: PlainStates,
  fill: (opened: readonly StateStore[]) => Promise<void>,
): Promise<{ readonly differences: number; readonly seconds: number }> {
  const { place, stop } = await PLACES[store](folder);
  const opened: StateStore[] = [];
  try {
    const open = () => openStateStore(place, { limits: LIMITS });
    opened.push(await open());
    // What is in memory has no second door: its writers share one.
    for (let n = 1; n < WRITERS; n++) opened.push(store === "memory" ? opened[0]! : await open());
    const begin = performance.now();
    await fill(opened);
    const seconds = Math.round((performance.now() - begin) / 100) / 10;
    return { differences: await model.differences(opened[0]!), seconds };
  } finally {
    for (const each of new Set(opened)) await each.close();
    await stop();
  }
}

/** A store across a network may be too slow to answer, and nobody knows then what of a call it has: it is sent again. */
async function sent(call: () => Promise<unknown>, again = REPEATS): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (again === 0 || !(error instanceof UpnextError) || error.code !== "store_unavailable") throw error;
    await sleep(PAUSE_MS);
    await sent(call, again - 1);
  }
}

async function writeTo(store: StateStore, batch: readonly Event[]): Promise<void> {
  const touches = batch.flatMap((event) =>
    event.kind === "interaction" ? [{ user: event.user, touches: [touchOf(event)] }] : [],
  );
  const erasures = batch.flatMap((event) =>
    event.kind === "erasure" ? [sent(() => store.erase(event.user, event.time))] : [],
  );
  await Promise.all([sent(() => store.write(touches)), ...erasures]);
}

async function applyTo(store: StateStore, log: FileLog): Promise<void> {
  let n = 0;
  for await (const batch of log.read(0 as Offset)) {
    await sent(() => store.apply(batch));
    if (n++ % AGAIN === 0) await sent(() => store.apply(batch));
  }
}
