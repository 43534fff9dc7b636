/** The examples of an evaluation and of the ranker: "this user, before this entry, took this item". */
import type { EpochMs } from "../core/index.ts";
import type { Unencoded } from "../retrieval/index.ts";
import type { History } from "./history.ts";
import type { Cut, Replay } from "./replay.ts";

export interface Example {
  readonly user: number;
  /** The entry whose item is the target; state is everything before it. */
  readonly entry: number;
}

/**
 * Entries in [from, to) of every user that show interest in an item that the user has not touched before, in time
 * order. Items seen before are never recommended, so they cannot be targets.
 */
export function examplesBetween(history: History, from: Cut, to: Cut): Example[] {
  const examples: Example[] = [];
  for (let user = 0; user < to.length; user++) {
    if (from[user]! >= to[user]!) continue;
    const seen = new Set<number>();
    for (let entry = history.offsets[user]!; entry < to[user]!; entry++) {
      const item = history.items[entry]!;
      if (entry >= from[user]! && history.weights[entry]! > 0 && !seen.has(item))
        examples.push({ user, entry });
      seen.add(item);
    }
  }
  return examples.sort((a, b) => history.times[a.entry]! - history.times[b.entry]! || a.entry - b.entry);
}

/** Visits examples in time order, each with its target and its query as of that moment. */
export async function visit(
  history: History,
  replay: Replay,
  examples: readonly Example[],
  use: (asked: Unencoded, target: number, example: Example, index: number) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < examples.length; i++) {
    const example = examples[i]!;
    const now = history.times[example.entry]! as EpochMs;
    replay.advance(now);
    await replay.asOf(example.user, example.entry, now, (asked) =>
      use(asked, history.items[example.entry]!, example, i),
    );
  }
}
