/** The command line's `Progress`; choose-progress.ts chooses between its kinds. */
import type { Progress } from "../core/index.ts";

export interface TerminalProgress extends Progress {
  /** Ends the step under way and gives the cursor back. May be called at any time, and twice. */
  end(): void;
}

/** A step that is over sooner leaves no trace: a flash tells nobody anything. */
export const VISIBLE_AFTER_MS = 300;
