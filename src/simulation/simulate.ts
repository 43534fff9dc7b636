/**
 * The log of a simulated video platform, as a stream in the order of time: videos and users as they appear, slates as
 * they are shown, and what was done with them. Nothing but the world, what each user has in mind, and the events of
 * slates under way is in memory: O(users + videos).
 */
import { DAY, type EventId, MINUTE, type Random, SECOND } from "../core/index.ts";
import type { Event } from "../events/index.ts";
import { arrive, type Scene, staying, viewSlate } from "./behaviour.ts";
import { LoggingPolicy } from "./logging-policy.ts";
import { itemId, makeImpression, makeInteraction, makeItem, makeUser, userId } from "./make-event.ts";
import { Mind } from "./mind.ts";
import type { SimulationOptions } from "./options.ts";
import { rhythm } from "./rhythm.ts";
import { SessionRate } from "./session-rate.ts";
import { TimeQueue } from "./time-queue.ts";
import { createWorld, type World } from "./world.ts";

const BATCH = 1_000;

/** Events of the platform that the options describe, in batches of up to 1,000; same options, same events. */
export function simulate(options: SimulationOptions): Generator<readonly Event[], void, undefined> {
  return simulateWorld(createWorld(options));
}

/** The same for a world at hand, which is left as it was. */
export function* simulateWorld(world: World): Generator<readonly Event[], void, undefined> {
  const platform = new Platform(world);
  let batch: Event[] = [];
  for (;;) {
    const more = platform.step();
    for (let event = platform.take(); event !== undefined; event = platform.take()) {
      batch.push(event);
      if (batch.length === BATCH) {
        yield batch;
        batch = [];
      }
    }
    if (!more) break;
  }
  if (batch.length > 0) yield batch;
}

/** The moving parts of one run. */
class Platform {
  private readonly world: World;
  private readonly policy: LoggingPolicy;
  private readonly rate: SessionRate;
  private readonly random: Random;
  private readonly scenes: (Scene | undefined)[];
  /** (users) when the user's session ends, where that is known; Infinity within a session. */
  private readonly freeFrom: Float64Array;
  /** Users by the time of their next slate (`row`) or of their next session (`~row`). */
  private readonly agenda = new TimeQueue<number>();
  private readonly events = new TimeQueue<Event>();
  /** Every event up to here has been made. */
  private settled = Number.NEGATIVE_INFINITY;
  private day = 0;
  private members = 0;
  private videos = 0;
  private requests = 0;
  private made = 0;

  constructor(world: World) {
    this.world = world;
    this.random = world.random.fork("behaviour");
    this.policy = new LoggingPolicy(world, world.random.fork("policy"));
    this.rate = new SessionRate(world);
    this.scenes = new Array<Scene | undefined>(world.population.count);
    this.freeFrom = Float64Array.from(world.population.joinedAt);
  }

  /** Does the next thing on the agenda; false when the period is over. */
  step(): boolean {
    const { world, agenda } = this;
    const midnight = world.size.start + this.day * DAY;
    if (this.day <= world.size.days && midnight <= agenda.next) {
      this.appear(midnight);
      this.settled = midnight;
      if (this.day < world.size.days) this.planDay(midnight);
      this.day++;
      return true;
    }
    if (agenda.next >= world.size.end) {
      this.appear(world.size.end);
      this.settled = world.size.end;
      return false;
    }
    const time = agenda.next;
    const entry = agenda.pop()!;
    this.appear(time);
    this.settled = time;
    if (entry < 0) this.beginSession(~entry, time);
    else this.showSlate(entry, time);
    return true;
  }

  /** The next event in time, if nothing earlier can come any more. */
  take(): Event | undefined {
    return this.events.next <= this.settled ? this.events.pop() : undefined;
  }

  /** Videos that are published and users that join until `time`. */
  private appear(time: number): void {
    const { catalogue, population } = this.world;
    for (; this.videos < catalogue.count && catalogue.publishedAt[this.videos]! <= time; this.videos++)
      this.emit(makeItem(this.world, this.videos, this.nextId()));
    for (; this.members < population.count && population.joinedAt[this.members]! <= time; this.members++)
      this.emit(makeUser(this.world, this.members, this.nextId()));
  }

  /** Sets the day's rate of sessions and each member's first session of the day. */
  private planDay(midnight: number): void {
    this.rate.adjust(this.day);
    const { joinedAt, count } = this.world.population;
    for (let user = 0; user < count && joinedAt[user]! < midnight + DAY; user++) {
      // Who is still at it at midnight has a plan for the time after, or makes one when the session ends.
      if (this.freeFrom[user]! <= midnight) this.planSession(user, midnight);
      else if (this.freeFrom[user] === joinedAt[user]) this.planSession(user, joinedAt[user]!);
    }
  }

  /** Puts the next session into the agenda, unless it falls behind midnight: then the next day plans it. */
  private planSession(user: number, from: number): void {
    const { world, random } = this;
    const midnight = world.size.start + (Math.floor((from - world.size.start) / DAY) + 1) * DAY;
    const perDay = this.rate.sessionsADay(user);
    if (perDay <= 0) return;
    let time = from;
    do {
      time -= (Math.log(1 - random.next()) / perDay) * DAY;
      if (time >= midnight) return;
    } while (random.next() >= rhythm(world, user, time));
    this.agenda.push(time, ~user);
  }

  private beginSession(user: number, time: number): void {
    this.freeFrom[user] = Number.POSITIVE_INFINITY;
    const scene = this.sceneOf(user);
    this.rate.sessionBegan();
    const { time: after } = arrive(scene, time);
    this.agenda.push(after + SECOND, user);
  }

  private showSlate(user: number, time: number): void {
    const scene = this.sceneOf(user);
    const draft = this.policy.slate(scene.mind, time);
    this.requests++;
    const request = `r${this.world.size.seed}-${this.requests.toString(36)}`;
    this.emit(makeImpression(draft, user, request, time, this.nextId()));
    const { time: after, plays } = viewSlate(scene, draft.rows, draft.count, time, request);
    if (this.random.next() < staying(this.world, user, plays)) this.agenda.push(after + SECOND, user);
    else {
      this.freeFrom[user] = after + MINUTE;
      this.planSession(user, after + MINUTE);
    }
  }

  private sceneOf(user: number): Scene {
    const known = this.scenes[user];
    if (known !== undefined) return known;
    const id = userId(user);
    const scene: Scene = {
      world: this.world,
      mind: new Mind(this.world, user),
      random: this.random,
      record: (time, row, type, value, request) => {
        if (type === "watch") this.policy.watched(row, value ?? 0);
        if (time > this.world.size.end) return;
        this.rate.interacted();
        this.emit(makeInteraction(this.nextId(), time, id, itemId(row), type, value, request));
      },
    };
    this.scenes[user] = scene;
    return scene;
  }

  private emit(event: Event): void {
    this.events.push(event.time, event);
  }

  private nextId(): EventId {
    this.made++;
    return `s${this.world.size.seed}-${this.made.toString(36)}` as EventId;
  }
}
