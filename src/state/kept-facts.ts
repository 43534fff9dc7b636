/** What a store remembers of how it was filled, and whether it can serve as it is wanted now: the same for every store. */
import type { StateLimits } from "./user-state.ts";

/** Without `maxAge`, nothing was ever dropped for its age. */
export interface KeptFacts extends StateLimits {
  readonly format: string;
  /** The log whose fold the states are; absent where nobody has said it. */
  readonly log?: string | undefined;
}

/**
 * Why the store cannot be used, in words, or undefined where it can: another layout, lower limits than those wanted now
 * (what they cut off is missing), or the states of another log.
 *
 * @param wanted.log absent where whatever is there is taken
 */
export function problemOfFacts(kept: KeptFacts, wanted: KeptFacts): string | undefined {
  if (kept.format !== wanted.format) return `expected the format ${wanted.format}, came ${kept.format}`;
  if (wanted.touches > kept.touches || wanted.vetoes > kept.vetoes) {
    return `it keeps ${kept.touches} touches and ${kept.vetoes} vetoes a user and now ${wanted.touches} and ${wanted.vetoes} are wanted`;
  }
  if ((wanted.maxAge ?? Infinity) > (kept.maxAge ?? Infinity)) {
    return `it keeps touches for ${kept.maxAge} ms and now ${wanted.maxAge === undefined ? "no limit of their age" : `${wanted.maxAge} ms`} is wanted`;
  }
  if (wanted.log !== undefined && kept.log !== undefined && wanted.log !== kept.log) {
    return "it holds the states of another log";
  }
  return undefined;
}
