/** What an instance is made of. */
import type { ResolvedConfig } from "../config/index.ts";
import type { Clock } from "../core/index.ts";
import type { Registry } from "../registry/index.ts";
import type { Snapshots } from "../snapshots/index.ts";
import type { IntakeParts } from "./intake.ts";

export interface Parts extends IntakeParts {
  readonly config: ResolvedConfig;
  readonly directory: string;
  readonly clock: Clock;
  readonly snapshots: Snapshots;
  readonly registry: Registry;
  /** Threads that compute networks beside the calling one. */
  readonly threads: number;
}
