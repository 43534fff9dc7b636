/** The most popular videos of each topic, kept in order by one pass over the catalogue now and then. */
import { TOPICS_OF_VIDEO } from "./catalogue.ts";
import type { World } from "./world.ts";

const WIDTH = 40;
/** Weights on a shelf are popularity to this power. */
const SHARPNESS = 0.8;

export interface Shelves {
  /** Videos a shelf can hold. */
  readonly width: number;
  /** (topics x width) rows, the most popular first. */
  readonly rows: Int32Array;
  /** (topics x width) the rows' weights as they were when the shelves were filled. */
  readonly weights: Float64Array;
  /** (topics) videos on each shelf. */
  readonly sizes: Int32Array;
  /** Fills the shelves anew from the first `published` videos. */
  refresh(popularity: Float64Array, published: number): void;
  /** The `count` most popular videos on all shelves, the most popular first. */
  top(popularity: Float64Array, count: number): readonly number[];
}

export function createShelves(world: World): Shelves {
  const { catalogue, topics } = world;
  const rows = new Int32Array(topics.count * WIDTH);
  const weights = new Float64Array(topics.count * WIDTH);
  const sizes = new Int32Array(topics.count);
  return {
    width: WIDTH,
    rows,
    weights,
    sizes,
    refresh(popularity, published) {
      sizes.fill(0);
      for (let row = 0; row < published; row++) {
        const topic = catalogue.topics[row * TOPICS_OF_VIDEO]!;
        const first = topic * WIDTH;
        const size = sizes[topic]!;
        const worth = popularity[row]!;
        if (size === WIDTH && popularity[rows[first + WIDTH - 1]!]! >= worth) continue;
        let at = Math.min(size, WIDTH - 1);
        while (at > 0 && popularity[rows[first + at - 1]!]! < worth) {
          rows[first + at] = rows[first + at - 1]!;
          at--;
        }
        rows[first + at] = row;
        if (size < WIDTH) sizes[topic] = size + 1;
      }
      for (let topic = 0; topic < topics.count; topic++)
        for (let at = topic * WIDTH; at < topic * WIDTH + sizes[topic]!; at++)
          weights[at] = popularity[rows[at]!]! ** SHARPNESS;
    },
    top(popularity, count) {
      const all: number[] = [];
      for (let topic = 0; topic < topics.count; topic++)
        for (let i = 0; i < sizes[topic]!; i++) all.push(rows[topic * WIDTH + i]!);
      return all.sort((a, b) => popularity[b]! - popularity[a]! || a - b).slice(0, count);
    },
  };
}
