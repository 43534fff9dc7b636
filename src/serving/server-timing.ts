/** The trace of a recommendation as a `server-timing` header (W3C Server Timing), which browsers show as bars. */
import type { Recommendation } from "../pipeline/recommender.ts";

/**
 * `queue;dur=0.05, state;dur=0.12, retrieve;dur=1.3, total;dur=2.4`, in milliseconds, the total with the time in the
 * queue; a stage that fell back says why.
 */
export function serverTiming(trace: Recommendation["trace"], waited: number): string {
  let header = `queue;dur=${round(waited)}, `;
  for (const { stage, ms, fallback } of trace.stages) {
    header += fallback === undefined ? stage : `${stage};desc="${fallback}"`;
    header += `;dur=${round(ms)}, `;
  }
  return `${header}total;dur=${round(trace.ms)}`;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
