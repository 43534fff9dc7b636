/** The trace of a recommendation as a `server-timing` header (W3C Server Timing), which browsers show as bars. */
import type { Recommendation } from "../pipeline/recommender.ts";

/** `state;dur=0.12, retrieve;dur=1.3, total;dur=2.4`, in milliseconds; a stage that fell back says why. */
export function serverTiming(trace: Recommendation["trace"]): string {
  let header = "";
  for (const { stage, ms, fallback } of trace.stages) {
    header += fallback === undefined ? stage : `${stage};desc="${fallback}"`;
    header += `;dur=${round(ms)}, `;
  }
  return `${header}total;dur=${round(trace.ms)}`;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
