/** The command line's `Progress`; choose-progress.ts chooses between its kinds. */
import type { Progress } from "../core/index.ts";

export interface TerminalProgress extends Progress {
  /** The step under way is done, as it is when the next one begins. May be called at any time, and twice. */
  end(): void;
  /** The step under way is broken off: nothing is said about it, and the cursor is given back. */
  stop(): void;
}

/** A step that is over sooner leaves no trace: a flash tells nobody anything. */
export const VISIBLE_AFTER_MS = 300;
