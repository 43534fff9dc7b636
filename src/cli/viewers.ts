/**
 * Simulated people who use the demo while it is served, so that its console shows a system at work: they ask for
 * slates, watch what they like, and their events go into the log like everybody's.
 */
import { randomUUID } from "node:crypto";
import { type Clock, type EpochMs, type EventId, Random, type UserId } from "../core/index.ts";
import type { Interaction } from "../events/index.ts";
import { createViewer, createWorld, type Viewer, type World } from "../simulation/index.ts";
import type { Upnext } from "../upnext.ts";
import type { SimulatedData } from "./start-marker.ts";

/** People who are there at once: each comes back every few seconds. */
const AT_ONCE = 24;
/** Slots of a slate. */
const SLOTS = 20;
const DEVICES = ["phone", "desktop", "tv"] as const;
/** A minute of watching passes in this many milliseconds: nobody waits for it, and no event lies in the future. */
const MINUTE_TAKES = 10;

export interface Viewers {
  /** Resolves when the slate under way is done. May be called twice. */
  stop(): Promise<void>;
}

/** @param perSecond slates that all of them together ask for */
export function startViewers(
  instance: Upnext,
  data: SimulatedData,
  perSecond: number,
  clock: Clock,
): Viewers {
  const { kind: _, ...options } = data;
  const world = createWorld({ ...options, end: options.end as EpochMs });
  const random = new Random(`${data.seed}/viewers/${clock.now()}`);
  const present: Viewer[] = [];
  let timer: NodeJS.Timeout | undefined;
  let visit = Promise.resolve();
  let stopped = false;

  async function next(): Promise<void> {
    try {
      const at = Math.floor(random.next() * AT_ONCE);
      const viewer = present[at] ?? (await arrive(instance, world, random));
      const stays = await watch(instance, viewer, random, clock);
      present.splice(at, 1, ...(stays ? [viewer] : []));
    } catch {
      // The server is for its users; that one simulated visit failed is counted where it failed.
    }
  }
  function schedule(): void {
    if (stopped) return;
    // As people come: at any moment alike.
    const pause = (-Math.log(1 - random.next()) * 1_000) / perSecond;
    timer = setTimeout(() => {
      visit = next().finally(schedule);
    }, pause);
  }
  schedule();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await visit;
    },
  };
}

/** Somebody of the platform, who remembers what the store does. */
async function arrive(instance: Upnext, world: World, random: Random): Promise<Viewer> {
  const user = `u${1 + Math.floor(random.next() * world.population.count)}` as UserId;
  const viewer = createViewer(world, { user, makeId: () => randomUUID() as EventId, seed: random.uint32() });
  const { touches } = await instance.state(user);
  for (const { id, item, type, value, time } of touches.toReversed()) {
    viewer.remember({ kind: "interaction", id, time, user, item, type, ...(value >= 0 && { value }) });
  }
  return viewer;
}

/** One slate, and what comes of it. Returns whether the viewer wants another one. */
async function watch(instance: Upnext, viewer: Viewer, random: Random, clock: Clock): Promise<boolean> {
  const device = DEVICES[Math.floor(random.next() * DEVICES.length)]!;
  const slate = await instance.recommend({ user: viewer.user, limit: SLOTS, surface: "home", device });
  const time = clock.now();
  const items = slate.items.map(({ item }) => item);
  const { events, stays } = viewer.view({ request: slate.request, items, time });
  if (events.length > 0) await instance.track(events.map((event) => hurried(event, time)));
  return stays;
}

function hurried(event: Interaction, begin: number): Interaction {
  const time = Math.round(begin + ((event.time - begin) / 60_000) * MINUTE_TAKES) as EpochMs;
  return { ...event, time };
}
