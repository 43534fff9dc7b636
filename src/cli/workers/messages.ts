/** What the processes of `serve --workers` say to each other over the channel that Node gives them. */
import type { MetricsFigures } from "../../monitoring/index.ts";
import type { StopSignal } from "../shutdown.ts";

/** Of the process that starts the others. */
export type ToWorker =
  | { readonly kind: "stop"; readonly signal: StopSignal }
  /** Asks for the worker's own figures. */
  | { readonly kind: "figures"; readonly ask: number }
  /** Answers a worker's `metrics`: the text over all workers. */
  | { readonly kind: "metrics"; readonly ask: number; readonly text: string };

export type ToPrimary =
  | { readonly kind: "figures"; readonly ask: number; readonly figures: MetricsFigures }
  | { readonly kind: "metrics"; readonly ask: number };
