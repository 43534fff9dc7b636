/**
 * Creators and videos, as columns. Rows are in the order of publication, so the videos that exist at a moment are a
 * prefix of every list of rows; video `v1` is row 0.
 */
import { DAY, type Random } from "../core/index.ts";
import type { SimulationSize } from "./options.ts";
import { clamp, cumulative, drawFrom, zipf } from "./sampling.ts";
import { Namer } from "./titles.ts";
import type { Topics } from "./topics.ts";
import { CATEGORIES } from "./vocabulary.ts";

/** Topics of a video: the main one, and up to two that it touches on. */
export const TOPICS_OF_VIDEO = 3;
/** How much of a taste for a topic a video meets that has it as first, second, third topic. */
export const TOPIC_WEIGHTS = [1, 0.5, 0.3] as const;
/** Dimensions of the style that creators have and users like or not. */
export const STYLES = 4;

export interface Catalogue {
  readonly count: number;
  readonly titles: readonly string[];
  /** (count) ascending, EpochMs. */
  readonly publishedAt: Float64Array;
  /** (count) seconds. */
  readonly duration: Float32Array;
  /** (count) row of the creator. */
  readonly creator: Int32Array;
  /** (count x TOPICS_OF_VIDEO), -1 where there is none. */
  readonly topics: Int16Array;
  /** (count) how good a video is for anyone, about normal with mean 0. */
  readonly quality: Float32Array;
  /** (count) row of the next part of the series, -1 where there is none. */
  readonly nextPart: Int32Array;
  /** (count) 1-based part of a series, 0 outside of series. */
  readonly part: Uint8Array;
  /** (count) row of the series' first part, -1 outside of series. */
  readonly series: Int32Array;
  readonly creators: Creators;
}

export interface Creators {
  readonly count: number;
  readonly names: readonly string[];
  /** (count x STYLES). */
  readonly style: Float32Array;
  /** Rows of each creator's videos, ascending. */
  readonly videos: number[][];
}

/** Share of the videos that are published before the period begins. */
const BEFORE = 0.72;
/** Age of the catalogue when the period begins: exponential with this mean, at most three years. */
const MEAN_AGE = 200 * DAY;
const OLDEST = 3 * 365 * DAY;
const VIDEOS_PER_CREATOR = 12;
const SERIES_STARTS = 0.3;
const SERIES_GOES_ON = 0.6;
const LONGEST_SERIES = 9;

export function createCatalogue(size: SimulationSize, topics: Topics, random: Random): Catalogue {
  const count = size.videos;
  const namer = new Namer(random.fork("names"), topics);
  const makers = createMakers(Math.max(1, Math.round(count / VIDEOS_PER_CREATOR)), topics, namer, random);
  const catalogue = {
    count,
    titles: new Array<string>(count),
    publishedAt: publicationTimes(size, random),
    duration: new Float32Array(count),
    creator: new Int32Array(count),
    topics: new Int16Array(count * TOPICS_OF_VIDEO).fill(-1),
    quality: new Float32Array(count),
    nextPart: new Int32Array(count).fill(-1),
    part: new Uint8Array(count),
    series: new Int32Array(count).fill(-1),
    creators: makers.creators,
  };
  const { part, nextPart, series, titles } = catalogue;
  const open = new Int32Array(makers.creators.count).fill(-1);

  for (let row = 0; row < count; row++) {
    const creator = drawFrom(makers.size, random.next());
    makers.creators.videos[creator]!.push(row);
    catalogue.creator[row] = creator;
    const before = open[creator]!;
    if (before >= 0 && random.next() < SERIES_GOES_ON) {
      const first = series[before]!;
      part[row] = part[before]! + 1;
      series[row] = first;
      nextPart[before] = row;
      catalogue.topics.copyWithin(
        row * TOPICS_OF_VIDEO,
        before * TOPICS_OF_VIDEO,
        (before + 1) * TOPICS_OF_VIDEO,
      );
      titles[row] = titles[first]!.replace(/, part 1$/, `, part ${part[row]}`);
      open[creator] = part[row]! < LONGEST_SERIES ? row : -1;
    } else {
      const main = random.pick(makers.home[creator]!);
      setTopics(catalogue.topics, row, main, makers.home[creator]!, topics, random);
      titles[row] = namer.title(main);
      if (random.next() < SERIES_STARTS) {
        titles[row] += ", part 1";
        part[row] = 1;
        series[row] = row;
        open[creator] = row;
      }
    }
    const main = catalogue.topics[row * TOPICS_OF_VIDEO]!;
    const median = CATEGORIES[topics.category[main]!]!.minutes * 60;
    catalogue.duration[row] = Math.round(clamp(median * Math.exp(0.6 * random.normal()), 20, 10_800));
    catalogue.quality[row] = 0.5 * makers.quality[creator]! + 0.85 * random.normal();
  }
  return catalogue;
}

/** Ascending; the first one is before the period, so that the platform is never empty. */
function publicationTimes(size: SimulationSize, random: Random): Float64Array {
  const times = new Float64Array(size.videos);
  const early = Math.max(1, Math.round(size.videos * BEFORE));
  for (let i = 0; i < times.length; i++) {
    const age = Math.min(OLDEST * (0.9 + 0.1 * random.next()), -MEAN_AGE * Math.log(1 - random.next()));
    const time = i < early ? size.start - 1 - age : size.start + random.next() * (size.end - size.start);
    times[i] = Math.max(0, Math.floor(time));
  }
  return times.sort();
}

interface Makers {
  readonly creators: Creators;
  /** (creators) running sums of how much each publishes. */
  readonly size: Float64Array;
  readonly quality: Float32Array;
  /** Topics that a creator makes videos about. */
  readonly home: readonly (readonly number[])[];
}

/** Creators with one to three home categories and two to four topics in each. */
function createMakers(count: number, topics: Topics, namer: Namer, random: Random): Makers {
  const names: string[] = [];
  const home: number[][] = [];
  for (let creator = 0; creator < count; creator++) {
    const main = topics.category[drawFrom(topics.common, random.next())]!;
    const categories = new Set([main]);
    const wanted = random.weighted([0.55, 0.3, 0.15]) + 1;
    while (categories.size < wanted) categories.add(random.int(CATEGORIES.length));
    names.push(namer.channel(main));
    home.push(
      [...categories].flatMap((category) =>
        random.shuffle([...topics.ofCategory[category]!]).slice(0, category === main ? 4 : 2),
      ),
    );
  }
  return {
    creators: {
      count,
      names,
      style: Float32Array.from({ length: count * STYLES }, () => random.normal()),
      videos: home.map(() => []),
    },
    size: cumulative(zipf(count, 0.7)),
    quality: Float32Array.from({ length: count }, () => random.normal()),
    home,
  };
}

/** The main topic and, for some videos, further ones: mostly of the creator's home, now and then from anywhere. */
function setTopics(
  column: Int16Array,
  row: number,
  main: number,
  home: readonly number[],
  topics: Topics,
  random: Random,
): void {
  const at = row * TOPICS_OF_VIDEO;
  column[at] = main;
  const extra = random.weighted([0.5, 0.35, 0.15]);
  let found = 1;
  for (let i = 0; i < extra; i++) {
    const topic = random.next() < 0.7 ? random.pick(home) : random.int(topics.count);
    if (column.subarray(at, at + found).includes(topic)) continue;
    column[at + found] = topic;
    found++;
  }
}
