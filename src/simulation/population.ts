/**
 * The users, as columns: when they joined, how active they are, and the tastes they begin with. Rows are in the order
 * of joining, so the members at a moment are a prefix; user `u1` is row 0.
 */
import { DAY, type Random } from "../core/index.ts";
import { type Catalogue, STYLES } from "./catalogue.ts";
import type { SimulationSize } from "./options.ts";
import { clamp, drawFrom } from "./sampling.ts";
import type { Topics } from "./topics.ts";

/** Interests that a user has at a time, the strongest first. */
export const INTERESTS = 5;
/** Log-odds that an interest adds for a video that meets it fully. Tuned so that tastes, not popularity, decide. */
const STRENGTHS = [3.9, 3.3, 2.7, 2.1, 1.5] as const;
/** Creators that a user likes more than the topics explain. */
export const FAVOURITES = 3;

/** Share of the users that joined before the period; the rest are cold when they first appear. */
const BEFORE = 0.75;
const JOINED_WITHIN = 300 * DAY;

export const DEVICES = ["phone", "desktop", "tv"] as const;
/** Shift of the preferred length by device, in units of ln(seconds): short on the phone, long on the television. */
const DEVICE_LENGTH = [-0.35, 0.1, 0.6] as const;

export interface Population {
  readonly count: number;
  /** (count) ascending, EpochMs. */
  readonly joinedAt: Float64Array;
  /** (count) how often a user comes, relative; log-normal with median 1. */
  readonly activity: Float32Array;
  /** (count) probability of asking for one more slate after a good one. */
  readonly patience: Float32Array;
  /** (count) hour of the day, UTC, around which a user comes. */
  readonly peakHour: Float32Array;
  /** (count) ln(seconds) of the length a user likes best. */
  readonly length: Float32Array;
  /** (count) row in DEVICES. */
  readonly device: Uint8Array;
  /** (count x STYLES). */
  readonly style: Float32Array;
  /** (count x INTERESTS) topics on the first day. */
  readonly interests: Int16Array;
  /** (count x INTERESTS) log-odds around which the strengths drift. */
  readonly strengths: Float32Array;
  /** (count x FAVOURITES) rows of creators. */
  readonly favourites: Int32Array;
}

export function createPopulation(
  size: SimulationSize,
  topics: Topics,
  catalogue: Catalogue,
  videosOf: readonly (readonly number[])[],
  random: Random,
): Population {
  const count = size.users;
  const device = Uint8Array.from({ length: count }, () => random.weighted([0.6, 0.22, 0.18]));
  const population: Population = {
    count,
    joinedAt: joiningTimes(size, random),
    activity: Float32Array.from({ length: count }, () => Math.exp(random.normal())),
    patience: Float32Array.from({ length: count }, () => clamp(0.66 + 0.13 * random.normal(), 0.2, 0.93)),
    peakHour: Float32Array.from({ length: count }, () => (((19 + 4 * random.normal()) % 24) + 24) % 24),
    length: Float32Array.from(device, (kind) => Math.log(660) + DEVICE_LENGTH[kind]! + 0.5 * random.normal()),
    device,
    style: Float32Array.from({ length: count * STYLES }, () => random.normal()),
    interests: new Int16Array(count * INTERESTS),
    strengths: new Float32Array(count * INTERESTS),
    favourites: new Int32Array(count * FAVOURITES),
  };
  for (let user = 0; user < count; user++) {
    drawInterests(population, user, topics, random);
    for (let i = 0; i < FAVOURITES; i++) {
      const topic = population.interests[user * INTERESTS + random.int(3)]!;
      const known = videosOf[topic]!;
      population.favourites[user * FAVOURITES + i] =
        known.length > 0 ? catalogue.creator[random.pick(known)]! : random.int(catalogue.creators.count);
    }
  }
  return population;
}

/** Ascending. The first user was there before the period, so that something happens from its first day. */
function joiningTimes(size: SimulationSize, random: Random): Float64Array {
  const times = new Float64Array(size.users);
  const early = Math.max(1, Math.round(size.users * BEFORE));
  for (let i = 0; i < times.length; i++) {
    const span = i < early ? -Math.min(size.start, JOINED_WITHIN) : size.end - size.start;
    times[i] = Math.floor(size.start + span * random.next());
  }
  return times.sort();
}

/** The second interest is often a neighbour of the first; no topic twice. */
function drawInterests(population: Population, user: number, topics: Topics, random: Random): void {
  const { interests, strengths } = population;
  const at = user * INTERESTS;
  for (let i = 0; i < INTERESTS; i++) {
    let topic = drawFrom(topics.common, random.next());
    if (i === 1 && random.next() < 0.5) {
      topic = random.pick(topics.ofCategory[topics.category[interests[at]!]!]!);
    }
    while (interests.subarray(at, at + i).includes(topic)) topic = (topic + 1) % topics.count;
    interests[at + i] = topic;
    strengths[at + i] = STRENGTHS[i]! * Math.exp(0.2 * random.normal());
  }
}
