/**
 * What a user does: looks at slots, plays some, watches a share, reacts, goes on to the next part, searches.
 *
 * The click model is position-based: a slot at position k is examined with probability `examination(k)`, independently
 * of everything else, and an examined slot is played with probability sigmoid(interest). What was played changes the
 * mood for the slots below it. The same code drives the offline log and live viewers.
 */
import { type Random, SECOND } from "../core/index.ts";
import type { InteractionType } from "../events/index.ts";
import type { Mind } from "./mind.ts";
import { FAVOURITES } from "./population.ts";
import { clamp, drawFrom, firstAbove, sigmoid } from "./sampling.ts";
import type { World } from "./world.ts";

/** Takes down one interaction; rows instead of ids, `time` in ms (rounded by the recorder). */
export type Record = (
  time: number,
  row: number,
  type: InteractionType,
  value: number | undefined,
  request: string | undefined,
) => void;

export interface Scene {
  readonly world: World;
  readonly mind: Mind;
  readonly random: Random;
  readonly record: Record;
}

/** How fast attention falls with the position; in the range of the field's eye-tracking studies. Guess. */
const EXAMINATION_EXPONENT = 0.6;

/** Probability that the slot at 0-based `position` is looked at: `(position + 1) ^ -0.6`. The truth for off-policy work. */
export function examination(position: number): number {
  return (position + 1) ** -EXAMINATION_EXPONENT;
}

const LOOK = 1.5 * SECOND;
/** Probability of going straight on to the next part, and of playing at most this many in a row that way. */
const GOES_ON = 0.4;
const IN_A_ROW = 4;
/** How much likelier the session ends after a slate without a play: patience is multiplied by this. */
const AFTER_NOTHING = 0.55;
/** At the start of a session: probability of opening the awaited part, or else of searching. */
const OPENS_AWAITED = 0.5;
const SEARCHES = 0.3;
/** Videos of the topic that a search compares. */
const SEARCHED = 40;

/** Where the user is after something, and how many videos were played. */
export interface Outcome {
  readonly time: number;
  readonly plays: number;
}

/** Looks through a slate of `count` rows (-1: not a video of this world) shown at `time`. */
export function viewSlate(
  scene: Scene,
  rows: ArrayLike<number>,
  count: number,
  time: number,
  request: string,
): Outcome {
  const { mind, random, record } = scene;
  let now = time + LOOK;
  let plays = 0;
  for (let position = 0; position < count; position++) {
    const row = rows[position]!;
    if (random.next() >= examination(position) || row < 0) continue;
    now += LOOK;
    const wish = sigmoid(mind.interest(row, now));
    if (random.next() < wish) {
      now = play(scene, row, now, request);
      plays++;
      for (let i = 0; i < IN_A_ROW && random.next() < GOES_ON; i++) {
        const next = mind.nextPart(publishedBy(scene.world, now), now);
        if (next < 0) break;
        now = play(scene, next, now + LOOK, undefined);
        plays++;
      }
    } else if (random.next() < 0.01 * (1 - wish) ** 8) {
      record(now, row, "hide", undefined, request);
      mind.remember(row);
    }
  }
  return { time: now + LOOK, plays };
}

/** What a user does on arrival, before any slate: opens the awaited part of a series, or searches, or nothing. */
export function arrive(scene: Scene, time: number): Outcome {
  const { world, mind, random } = scene;
  mind.beginSession();
  const published = publishedBy(world, time);
  const awaited = mind.nextPart(published, time);
  if (awaited >= 0 && random.next() < OPENS_AWAITED)
    return { time: play(scene, awaited, time + LOOK, undefined), plays: 1 };
  if (random.next() >= SEARCHES) return { time, plays: 0 };
  const found = search(scene, published, time);
  if (found < 0) return { time, plays: 0 };
  return { time: play(scene, found, time + 10 * SECOND, undefined), plays: 1 };
}

/** Probability of asking for one more slate after one with so many plays. */
export function staying(world: World, user: number, plays: number): number {
  return world.population.patience[user]! * (plays > 0 ? 1 : AFTER_NOTHING);
}

/** A video of one of the user's interests, in proportion to the odds of wanting it; -1 where there is none. */
function search(scene: Scene, published: number, time: number): number {
  const { world, mind, random } = scene;
  const taste = mind.tasteAt(time);
  const videos = world.videosOf[taste.topics[random.weighted(taste.strengths)]!]!;
  const known = firstAbove(videos, published - 1);
  if (known === 0) return -1;
  const compared = Math.min(known, SEARCHED);
  const first = known > SEARCHED ? random.int(known) : 0;
  const sums = new Float64Array(compared);
  let total = 0;
  for (let i = 0; i < compared; i++) {
    total += Math.exp(mind.interest(videos[(first + i) % known]!, time));
    sums[i] = total;
  }
  return videos[(first + drawFrom(sums, random.next())) % known]!;
}

/** Plays a video and returns when it ended. The watch is recorded at its end, when its share is known. */
function play(scene: Scene, row: number, time: number, request: string | undefined): number {
  const { world, mind, random, record } = scene;
  const opinion = mind.opinion(row, time);
  const share = watchedShare(opinion, random);
  const end = time + share * world.catalogue.duration[row]! * SECOND + SECOND;
  record(end, row, "watch", share, request);
  mind.watch(row, share, end);
  return react(scene, row, share, sigmoid(opinion), end, request);
}

/**
 * Shares are bimodal, as watch logs are: much is left within the first seconds, much is watched to the end. Liking
 * decides how often the end is reached. Length has its part in the opinion. Rounded to 1/1000.
 */
function watchedShare(opinion: number, random: Random): number {
  const finishes = sigmoid(0.8 * opinion + 0.4);
  const u = random.next();
  const v = random.next();
  let share: number;
  if (u < finishes) share = 1 - 0.35 * v * v;
  else if (u < finishes + (1 - finishes) * 0.55) share = 0.01 + 0.17 * v * Math.sqrt(v);
  else share = 0.15 + 0.65 * v;
  return Math.round(clamp(share, 0.005, 1) * 1000) / 1000;
}

const REACTION_GAP = 2 * SECOND;

function react(
  scene: Scene,
  row: number,
  share: number,
  liking: number,
  time: number,
  request: string | undefined,
): number {
  const { world, mind, random, record } = scene;
  let now = time;
  const does = (type: InteractionType, probability: number): boolean => {
    if (random.next() >= probability) return false;
    now += REACTION_GAP;
    record(now, row, type, undefined, request);
    return true;
  };
  if (share < 0.15) {
    does("dislike", 0.05 * (1 - liking) ** 2);
    return now;
  }
  if (share < 0.5) return now;
  does("like", 0.16 * liking);
  does("save", 0.03 * liking);
  does("share", 0.02 * liking);
  does("comment", 0.025 * liking);
  const creator = world.catalogue.creator[row]!;
  if (!mind.followed.includes(creator)) {
    const favourite = isFavourite(world, mind.user, creator) ? 5 : 1;
    if (does("follow", 0.05 * liking * favourite)) mind.follow(creator);
  }
  return now;
}

function isFavourite(world: World, user: number, creator: number): boolean {
  const at = user * FAVOURITES;
  return world.population.favourites.subarray(at, at + FAVOURITES).includes(creator);
}

/** Number of videos that are published at `time`. */
function publishedBy(world: World, time: number): number {
  return firstAbove(world.catalogue.publishedAt, time);
}
