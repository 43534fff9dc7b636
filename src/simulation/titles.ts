/** Titles and channel names, composed from the vocabulary and kept apart from each other as far as the words go. */
import type { Random } from "../core/index.ts";
import type { Topics } from "./topics.ts";
import { CATEGORIES, CHANNEL_ADJECTIVES, TITLE_FRAMES } from "./vocabulary.ts";

/** Attempts at a name that was not used yet. A topic has some hundreds of titles: huge catalogues repeat some. */
const ATTEMPTS = 8;

/** Composes names one after the other; the same random stream gives the same names. */
export class Namer {
  private readonly used = new Set<string>();
  private readonly channels = new Map<string, number>();
  private readonly random: Random;
  private readonly topics: Topics;

  constructor(random: Random, topics: Topics) {
    this.random = random;
    this.topics = topics;
  }

  /** A title for a video about `topic`; repeats one only where the topic's words are used up. */
  title(topic: number): string {
    const { templates } = CATEGORIES[this.topics.category[topic]!]!;
    return this.compose(() => {
      const plain = this.random
        .pick(templates)
        .replace("{s}", this.random.pick(this.topics.subjects[topic]!))
        .replace("{n}", String(3 + this.random.int(10)));
      return capitalised(this.random.pick(TITLE_FRAMES).replace("{t}", plain));
    });
  }

  /** A channel name for a creator at home in `category`; no two creators share one. */
  channel(category: number): string {
    const { channels } = CATEGORIES[category]!;
    const name = this.compose(() => `${this.random.pick(CHANNEL_ADJECTIVES)} ${this.random.pick(channels)}`);
    const count = this.channels.get(name) ?? 0;
    this.channels.set(name, count + 1);
    return count === 0 ? name : `${name} ${count + 1}`;
  }

  /** The first unused of some attempts, or the last attempt. */
  private compose(attempt: () => string): string {
    let name = attempt();
    for (let i = 1; i < ATTEMPTS && this.used.has(name); i++) name = attempt();
    this.used.add(name);
    return name;
  }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
