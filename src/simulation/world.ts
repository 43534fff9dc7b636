/**
 * The platform as it truly is: topics, videos, users, and how much each user likes each video at each moment. Nothing
 * here changes while events are made; the same options give the same world.
 */
import { DAY, type EpochMs, type ItemId, Random, type UserId } from "../core/index.ts";
import { type Catalogue, createCatalogue, STYLES, TOPIC_WEIGHTS, TOPICS_OF_VIDEO } from "./catalogue.ts";
import { emptyTaste, type Taste, tasteOn } from "./drift.ts";
import { resolveOptions, type SimulationOptions, type SimulationSize } from "./options.ts";
import { createPopulation, FAVOURITES, INTERESTS, type Population } from "./population.ts";
import { sigmoid } from "./sampling.ts";
import { createTopics, type Topics } from "./topics.ts";

export interface World {
  readonly size: SimulationSize;
  readonly topics: Topics;
  readonly catalogue: Catalogue;
  readonly population: Population;
  /** Per topic the rows of the videos that have it as their main topic, ascending. */
  readonly videosOf: readonly (readonly number[])[];
  /** Names the streams of random numbers that belong to this world. */
  readonly random: Random;
  readonly driftSalt: number;
}

/** Log-odds of a video that meets no interest of a user, before its quality. */
const INDIFFERENCE = -3.3;
/** How far an interest in a topic reaches into the rest of its category. */
const CATEGORY_REACH = 0.3;
const FAVOURITE = 1;
const STYLE_WEIGHT = 0.25;
const QUALITY_WEIGHT = 0.6;
/** Log-odds lost at one unit of ln(length) away from the preferred length (a third or three times of it). */
const LENGTH_WEIGHT = 0.35;

export function createWorld(options: SimulationOptions): World {
  const size = resolveOptions(options);
  const random = new Random(`simulation/${size.seed}`);
  const topics = createTopics(random.fork("topics"));
  const catalogue = createCatalogue(size, topics, random.fork("catalogue"));
  const videosOf: number[][] = topics.names.map(() => []);
  for (let row = 0; row < catalogue.count; row++)
    videosOf[catalogue.topics[row * TOPICS_OF_VIDEO]!]!.push(row);
  const population = createPopulation(size, topics, catalogue, videosOf, random.fork("population"));
  return { size, topics, catalogue, population, videosOf, random, driftSalt: random.fork("drift").uint32() };
}

/** Days since the period began, rounded down. */
export function dayOf(world: World, time: number): number {
  return Math.floor((time - world.size.start) / DAY);
}

/**
 * Log-odds that `user` with `taste` wants the video `row`, apart from what the user has just watched.
 * Called for every examined slot: plain loops, no allocation.
 */
export function utility(world: World, user: number, taste: Taste, row: number): number {
  const { catalogue, population, topics } = world;
  let sum = INDIFFERENCE + QUALITY_WEIGHT * catalogue.quality[row]!;
  for (let i = 0; i < INTERESTS; i++) {
    const wanted = taste.topics[i]!;
    let match = 0;
    for (let k = 0; k < TOPICS_OF_VIDEO; k++) {
      const topic = catalogue.topics[row * TOPICS_OF_VIDEO + k]!;
      if (topic < 0) break;
      if (topic === wanted) match = Math.max(match, TOPIC_WEIGHTS[k]!);
      else if (topics.category[topic] === topics.category[wanted])
        match = Math.max(match, TOPIC_WEIGHTS[k]! * CATEGORY_REACH);
    }
    sum += match * taste.strengths[i]!;
  }
  const creator = catalogue.creator[row]!;
  for (let i = 0; i < FAVOURITES; i++) {
    if (population.favourites[user * FAVOURITES + i] === creator) {
      sum += FAVOURITE;
      break;
    }
  }
  let style = 0;
  for (let i = 0; i < STYLES; i++)
    style += population.style[user * STYLES + i]! * catalogue.creators.style[creator * STYLES + i]!;
  const length = Math.log(catalogue.duration[row]!) - population.length[user]!;
  return sum + STYLE_WEIGHT * style - LENGTH_WEIGHT * length * length;
}

/** What only a simulation can know; for tests and benchmarks to compare models with. */
export interface SimulationTruth {
  /**
   * Probability that `user` likes `item` at `time`: that an examined slot with it is clicked, leaving aside what the
   * user has just watched. NaN where the platform has no such user or item.
   */
  affinity(user: UserId, item: ItemId, time: EpochMs): number;
  /** The user's interests at `time`, strongest first, as `category/topic`. Empty for an unknown user. */
  interests(user: UserId, time: EpochMs): readonly string[];
}

export function simulationTruth(world: World): SimulationTruth {
  const taste = emptyTaste();
  let cachedUser = -1;
  let cachedDay = 0;
  const look = (user: number, time: number): void => {
    const day = dayOf(world, time);
    if (user === cachedUser && day === cachedDay) return;
    tasteOn(world.population, world.topics, world.driftSalt, user, day, taste);
    cachedUser = user;
    cachedDay = day;
  };
  return {
    affinity(userId, itemId, time) {
      const user = userRow(world, userId);
      const row = itemRow(world, itemId);
      if (user < 0 || row < 0) return Number.NaN;
      look(user, time);
      return sigmoid(utility(world, user, taste, row));
    },
    interests(userId, time) {
      const user = userRow(world, userId);
      if (user < 0) return [];
      look(user, time);
      return [...taste.topics.keys()]
        .sort((a, b) => taste.strengths[b]! - taste.strengths[a]!)
        .map((i) => world.topics.names[taste.topics[i]!]!);
    },
  };
}

/** Row of the user with this id, -1 where there is none. */
export function userRow(world: World, id: UserId): number {
  return rowOf(id, "u", world.population.count);
}

/** Row of the video with this id, -1 where there is none. */
export function itemRow(world: World, id: ItemId): number {
  return rowOf(id, "v", world.catalogue.count);
}

function rowOf(id: string, prefix: string, count: number): number {
  if (!id.startsWith(prefix)) return -1;
  const number = Number(id.slice(1));
  return Number.isInteger(number) && number >= 1 && number <= count && id === prefix + number
    ? number - 1
    : -1;
}
