/** One rate against one server: latency, rungs, CPU, memory, event loop; and the search for the highest rate that holds. */

import { rounded } from "../figures/spread.ts";
import type { LoadReport, Traffic } from "../load/generator.ts";
import { post } from "../load/requests.ts";
import { type LoadGenerator, loadOf } from "../load/start.ts";
import type { TrafficReport } from "../load/tally.ts";
import type { RunningServer } from "./server.ts";

export const OBJECTIVE_MS = 50;
/** Answers of the best rung, of all that were asked for, up to the knee. */
const LEAST_FULL = 0.99;
const RECOMMENDATIONS = "recommendations";
const WARM_SECONDS = 3;
const LOW_RATE = 20;
/** Where the search for the knee begins. */
export const FIRST_RATE = 50;

export interface Step {
  readonly rate: number;
  readonly seconds: number;
  readonly recommendations: TrafficReport;
  readonly generator: LoadReport["generator"];
  /** Of the server, for each planned request. */
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  /** Mean milliseconds of each stage of the answers meanwhile. */
  readonly stages: Readonly<Record<string, number>>;
}

/** Recommendations for these users, and `events` events a recommendation beside them. */
export function trafficOf(users: readonly string[], videos: number, events: number): readonly Traffic[] {
  const get = (user: string) => `GET /v1/recommendations?user=${user} HTTP/1.1\r\nhost: upnext\r\n\r\n`;
  const recommendations = { name: RECOMMENDATIONS, share: 1, requests: users.map(get) };
  if (events === 0) return [recommendations];
  const watched = (user: string, i: number) =>
    post(
      "/v1/events",
      JSON.stringify({
        kind: "interaction",
        user,
        item: `v${1 + ((i * 7919) % videos)}`,
        type: "watch",
        value: 0.9,
      }),
    );
  return [recommendations, { name: "events", share: events, requests: users.map(watched) }];
}

/** `rate` recommendations a second; what else the traffic has comes on top. */
export async function measureStep(
  server: RunningServer,
  generator: LoadGenerator,
  traffic: readonly Traffic[],
  rate: number,
  seconds: number,
): Promise<Step> {
  const total = traffic.reduce((sum, { share }) => sum + share, 0);
  const load = { warmup: 0.5, seed: `serve ${rate}`, objective: OBJECTIVE_MS, traffic };
  const metricsBefore = await server.metrics();
  const before = server.usage();
  const report = await generator.ask(loadOf(server.port, rate * total, seconds, load));
  const after = server.usage();
  const metricsAfter = await server.metrics();
  const recommendations = report.traffic[RECOMMENDATIONS]!;
  const delay = (quantile: string) =>
    1_000 * (metricsAfter.get(`upnext_event_loop_delay_seconds{quantile="${quantile}"}`) ?? 0);
  return {
    rate,
    seconds,
    recommendations,
    generator: report.generator,
    cpuMs: (after.cpuMs - before.cpuMs) / (rate * (seconds + load.warmup)),
    rssMb: after.rssMb,
    loopP99Ms: delay("0.99"),
    loopMaxMs: delay("1"),
    stages: stagesBetween(metricsBefore, metricsAfter),
  };
}

function stagesBetween(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) {
  const stages: Record<string, number> = {};
  for (const [key, sum] of after) {
    const stage = /^upnext_stage_seconds_sum\{stage="([^"]+)"\}$/.exec(key)?.[1];
    if (stage === undefined) continue;
    const counter = key.replace("_sum", "_count");
    const count = after.get(counter)! - (before.get(counter) ?? 0);
    if (count > 0) stages[stage] = (1_000 * (sum - (before.get(key) ?? 0))) / count;
  }
  return stages;
}

/** Whether the objective held, and the generator was on time. */
export function holds({ recommendations, generator }: Step): boolean {
  const { planned, full, p99_ms } = recommendations;
  return generator.invalid === null && p99_ms <= OBJECTIVE_MS && full >= LEAST_FULL * planned;
}

/** Warms a server up, and takes the step at a rate that is low enough for no request to wait for another one. */
export async function lowStep(
  step: (rate: number, seconds?: number) => Promise<Step>,
  processes = 1,
): Promise<Step> {
  // What is compiled while it is first used costs more than what it becomes, in every process.
  await step(LOW_RATE * processes, WARM_SECONDS);
  await step(LOW_RATE * processes);
  return step(LOW_RATE);
}

/** Doubles the rate until it does not hold, then halves the distance. `knee` is null where not even the first held. */
export async function findKnee(
  step: (rate: number) => Promise<Step>,
  first: number,
  halvings: number,
  say: (step: Step) => void,
): Promise<{ readonly steps: readonly Step[]; readonly knee: Step | null }> {
  const steps: Step[] = [];
  const tried = async (rate: number) => {
    // One miss may be the machine's: what holds at the second try holds.
    for (let again = 0; again < 2; again++) {
      const found = await step(rate);
      steps.push(found);
      say(found);
      if (holds(found)) return true;
    }
    return false;
  };
  let low = 0;
  let high = first;
  while (await tried(high)) {
    low = high;
    high *= 2;
  }
  for (let i = 0; i < halvings; i++) {
    const middle = Math.round((low + high) / 2);
    if (await tried(middle)) low = middle;
    else high = middle;
  }
  steps.sort((a, b) => a.rate - b.rate);
  return { steps, knee: steps.findLast((each) => each.rate === low && holds(each)) ?? null };
}

/** A line of a table. */
export function rowOf({ rate, recommendations, generator, ...step }: Step): Record<string, unknown> {
  const { planned, answered, full, inTime, rungs, rejected, failures } = recommendations;
  const share = (count: number) => Math.round(10_000 * (count / Math.max(1, planned))) / 10_000;
  const others = Object.entries(rungs).filter(([rung]) => rung !== "full");
  const failed = Object.entries(failures);
  return {
    "requests/s": rate,
    p50_ms: rounded(recommendations.p50_ms),
    p99_ms: rounded(recommendations.p99_ms),
    "p99.9_ms": rounded(recommendations["p99.9_ms"]),
    full: share(full),
    "within 50 ms": share(inTime),
    "other rungs": others.map(([rung, count]) => `${rung} ${share(count)}`).join(", "),
    "rejected or failed": [
      ...(rejected > 0 ? [`rejected ${share(rejected)}`] : []),
      ...failed.map(([what, count]) => `${what} ${share(count)}`),
    ].join(", "),
    "answers/s": Math.round(answered / step.seconds),
    cpu_ms: rounded(step.cpuMs),
    "loop p99_ms": rounded(step.loopP99Ms),
    "loop max_ms": rounded(step.loopMaxMs),
    "RSS MB": Math.round(step.rssMb),
    "generator late p99_ms": rounded(generator.lateness.p99_ms),
    "generator cpu_us": generator.cpu_us_per_request,
    ...(generator.invalid !== null && { invalid: generator.invalid }),
  };
}
