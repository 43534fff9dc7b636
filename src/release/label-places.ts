/** Where the labels of points go, so that they cover neither each other nor a point: one by one, each in its best place. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Labelled {
  readonly x: number;
  readonly y: number;
  /** What is drawn at (x, y), with its bars: a label beside it keeps clear of it. */
  readonly mark: Box;
  /** Width and height of the text. */
  readonly width: number;
  readonly height: number;
}

/** What a label should not cover, and how bad it is where it does. */
export interface Obstacle extends Box {
  readonly weight: number;
}

/** Distances from the mark that are tried. */
const DISTANCES = [5, 14, 24, 36, 50] as const;
/** Directions that are tried at each distance: right, left, above and below, then between them. */
const DIRECTIONS = [
  [1, 0],
  [-1, 0],
  [0, -1],
  [0, 1],
  [1, -1],
  [1, 1],
  [-1, -1],
  [-1, 1],
] as const;
/** What a pixel of distance costs, in covered square pixels of weight 1. */
const AWAY = 3;
const LABEL_WEIGHT = 8;
/** For what would be cut off. */
const OUTSIDE_WEIGHT = 20;

/**
 * @param within where labels must be
 * @returns one box a label
 */
export function placeLabels(
  labels: readonly Labelled[],
  obstacles: readonly Obstacle[],
  within: Box,
): readonly Box[] {
  const covered = [...obstacles];
  return labels.map((label) => {
    let best: Box | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const { away, ...box } of placesOf(label)) {
      let cost = AWAY * away + OUTSIDE_WEIGHT * (box.width * box.height - overlap(box, within));
      for (const other of covered) cost += other.weight * overlap(box, other);
      if (cost >= least) continue;
      best = box;
      least = cost;
    }
    covered.push({ ...best!, weight: LABEL_WEIGHT });
    return best!;
  });
}

/** Around the whole mark, and between its bars, where these leave room. */
function* placesOf({ x, y, mark, width, height }: Labelled): Iterable<Box & { readonly away: number }> {
  for (const away of DISTANCES) {
    for (const [dx, dy] of DIRECTIONS) {
      const edges = {
        x: dx > 0 ? mark.x + mark.width : dx < 0 ? mark.x : x,
        y: dy > 0 ? mark.y + mark.height : dy < 0 ? mark.y : y,
      };
      for (const from of [edges, { x, y }]) {
        const centre = { x: from.x + dx * (away + width / 2), y: from.y + dy * (away + height / 2) };
        yield { x: centre.x - width / 2, y: centre.y - height / 2, width, height, away };
      }
    }
  }
}

function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}
