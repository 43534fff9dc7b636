/** More than the server can do: what is answered all the same, and how long it takes to be normal again. */

import { rounded } from "../figures/spread.ts";
import type { Traffic } from "../load/generator.ts";
import type { LoadGenerator } from "../load/start.ts";
import type { TrafficReport, Window } from "../load/tally.ts";
import type { RunningServer } from "./server.ts";
import { measureStep, OBJECTIVE_MS } from "./step.ts";

/** Of the knee, asked for after the overload. */
const NORMAL_SHARE = 0.5;
const NORMAL_SECONDS = 8;
/** Of the answers of a second, for it to count as normal: of the best rung, and in time. */
const NORMAL_FULL = 0.99;

export interface OverloadPlan {
  readonly traffic: readonly Traffic[];
  /** The knee, requests a second. */
  readonly knee: number;
  readonly times: number;
  readonly seconds: number;
}

export async function measureOverload(
  server: RunningServer,
  generator: LoadGenerator,
  { traffic, knee, times, seconds }: OverloadPlan,
): Promise<Record<string, unknown>> {
  const before = server.usage().rssMb;
  const over = await measureStep(server, generator, traffic, knee * times, seconds);
  const after = await measureStep(server, generator, traffic, knee * NORMAL_SHARE, NORMAL_SECONDS);
  const { planned, inTime, answered, full, fullInTime, rejected, rejected_p99_ms, failures, rungs } =
    over.recommendations;
  return {
    "times the knee": times,
    "requests/s": rounded(knee * times),
    "answered within 50 ms": share(inTime, planned),
    answered: share(answered, planned),
    "full answers/s": Math.round(fullInTime / seconds),
    "of the knee's rate": share(fullInTime / seconds, knee),
    rungs: Object.entries(rungs)
      .map(([rung, count]) => `${rung} ${share(count, planned)}`)
      .join(", "),
    rejected: share(rejected, planned),
    "rejected p99_ms": rounded(rejected_p99_ms),
    failed: Object.entries(failures)
      .map(([what, count]) => `${what} ${share(count, planned)}`)
      .join(", "),
    "any answer or rejection, p99_ms": rounded(soonOrRejected(over.recommendations)),
    "full ones": share(full, planned),
    "loop max_ms": rounded(over.loopMaxMs),
    "RSS MB before": Math.round(before),
    "RSS MB after": Math.round(after.rssMb),
    "memory grows by": rounded(after.rssMb / before - 1),
    "normal again after s": secondsUntilNormal(after.recommendations.windows),
    "generator late p99_ms": rounded(over.generator.lateness.p99_ms),
    ...(over.generator.invalid !== null && { invalid: over.generator.invalid }),
  };
}

function soonOrRejected({ p99_ms, rejected_p99_ms, rejected, planned }: TrafficReport): number {
  // With more than 1 % refused the percentile of answers is the patience, and that of refusals says more.
  return rejected > planned / 100 ? rejected_p99_ms : p99_ms;
}

/** The second from which on every second was normal; null where the last one was not. */
export function secondsUntilNormal(windows: readonly Window[]): number | null {
  const last = windows.findLastIndex((window) => !isNormal(window));
  return last === windows.length - 1 ? null : last + 1;
}

function isNormal({ planned, full, p99_ms }: Window): boolean {
  return p99_ms <= OBJECTIVE_MS && full >= NORMAL_FULL * planned;
}

function share(count: number, of: number): number {
  return Math.round(10_000 * (count / Math.max(1, of))) / 10_000;
}
