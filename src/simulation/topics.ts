/** The topic space: what videos are about and users have tastes for, with how common each is and what follows on it. */
import type { Random } from "../core/index.ts";
import { cumulative, zipf } from "./sampling.ts";
import { CATEGORIES } from "./vocabulary.ts";

export interface Topics {
  readonly count: number;
  /** (count): row of the topic's category in CATEGORIES. */
  readonly category: Uint8Array;
  /** (count): noun phrases that titles are made of. */
  readonly subjects: readonly (readonly string[])[];
  readonly names: readonly string[];
  /** (count): running sums of how common a topic is. */
  readonly common: Float64Array;
  /**
   * (count): the topic that people turn to after this one. Makes the order of what was watched worth knowing: the
   * step from a topic to its successor is likelier than the step back.
   */
  readonly successor: Int16Array;
  /** Per category its topics. */
  readonly ofCategory: readonly (readonly number[])[];
}

/** Share of successors that stay within the category; the others are what only the sequence can tell. Guess. */
const SUCCESSOR_STAYS = 0.5;

export function createTopics(random: Random): Topics {
  const names: string[] = [];
  const subjects: (readonly string[])[] = [];
  const category: number[] = [];
  const ofCategory = CATEGORIES.map((entry, row) =>
    Object.entries(entry.topics).map(([name, words]) => {
      names.push(`${entry.name}/${name}`);
      subjects.push(words);
      category.push(row);
      return names.length - 1;
    }),
  );
  const count = names.length;
  const successor = Int16Array.from({ length: count }, (_, topic) => {
    const near = random.next() < SUCCESSOR_STAYS;
    const from = near ? ofCategory[category[topic]!]! : names.map((_, row) => row);
    const others = from.filter((other) => other !== topic);
    return random.pick(others);
  });
  return {
    count,
    category: Uint8Array.from(category),
    subjects,
    names,
    common: cumulative(random.shuffle(zipf(count, 0.6))),
    successor,
    ofCategory,
  };
}
