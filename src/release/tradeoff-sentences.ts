/**
 * The trade-offs in sentences, each said only where the numbers carry it: a difference in quality where its paired
 * interval excludes 0, one in cost where the rounds do not overlap.
 */
import type { Objective, Verdict } from "./choose-rung.ts";
import type { Spread } from "./spread.ts";
import type { RungTradeoffs, Tradeoffs } from "./tradeoffs.ts";
import { capitalized, compareCosts, counted, ms, percentAroundZero, percentWithInterval } from "./wording.ts";

/** What was chosen, what it gives up and gains, and what a request costs otherwise. */
export function sentencesOf(tradeoffs: Tradeoffs): readonly string[] {
  const { choice, objective, rungs, metrics } = tradeoffs;
  const chosen = rungs.find(({ name }) => name === choice.rung)!;
  const others = rungs.filter((rung) => rung !== chosen);
  const best = others.reduce<RungTradeoffs | undefined>(
    (found, rung) => (quality(rung, metrics) > quality(found, metrics) ? rung : found),
    undefined,
  );
  const simplest = others[0] === best ? undefined : others[0];
  return [
    choiceSentence(chosen, tradeoffs),
    ...busyMachine(chosen),
    ...[best, simplest].flatMap((other) =>
      other === undefined ? [] : [insteadOf(chosen, other, metrics[0], objective)],
    ),
    ...moreCandidates(chosen),
    ...shorterHistory(chosen),
  ].map((sentence) => `${capitalized(sentence)}.`);
}

function quality(rung: RungTradeoffs | undefined, [metric]: Tradeoffs["metrics"]): number {
  return rung?.quality[metric]?.value ?? Number.NEGATIVE_INFINITY;
}

function choiceSentence(chosen: RungTradeoffs, { choice, objective, rungs }: Tradeoffs): string {
  const { candidates, p99Ms, margin } = objective;
  const measured = `P99 ${ms(chosen.cost.p99Ms.value)} with ${counted(candidates, "candidate")}`;
  const within = chosen.cost.p99Ms.value <= p99Ms && margin > 0;
  const goal = `the objective of ${ms(p99Ms)}`;
  if (choice.meets) {
    const which = rungs.length === 1 ? ", the only rung," : "";
    return `${chosen.noun}${which} serves: it meets ${goal} (${measured})`;
  }
  const missed = within ? `${goal} with its margin of ${percent(margin)}` : goal;
  return rungs.length === 1
    ? `${chosen.noun} serves, the only rung, and misses ${missed} (${measured})`
    : `no rung meets ${missed}; ${chosen.noun} serves, since it is the fastest (${measured})`;
}

/** A request that has the machine to itself takes about as long as it computes. */
const BUSY = 1.5;

function busyMachine({ cost: { p50Ms, cpuMs } }: RungTradeoffs): readonly string[] {
  const times = p50Ms.value / cpuMs.value;
  if (!(times >= BUSY)) return [];
  return [
    `half of the requests took more than ${Number(times.toFixed(1))} times their CPU time: the machine was busy with other work, and its latencies are those of a busy machine`,
  ];
}

/** "serving A instead of B gives up 0.8 % NDCG@10 (0.3 to 1.2) for 14 times less CPU; B would miss the 50 ms objective" */
function insteadOf(
  served: RungTradeoffs,
  other: RungTradeoffs,
  metric: string,
  objective: Objective,
): string {
  const cpu = compareCosts(served.cost.cpuMs, other.cost.cpuMs, "CPU");
  const base = other.quality[metric]?.value ?? 0;
  const difference = served.differences[other.name];
  const relative = difference === undefined || !(base > 0) ? undefined : scaled(difference, 1 / base);
  const [way, text] = qualityText(relative, metric);
  // A price and what is had for it; or two things that point the same way, or in no way.
  const trade = (way === "less" && cpu.way === "less") || (way === "more" && cpu.way === "more");
  return `serving ${served.noun} instead of ${other.noun} ${text} ${trade ? "for" : "and takes"} ${cpu.text}${missedText(served, other, objective)}`;
}

function qualityText(
  relative: Spread | undefined,
  metric: string,
): readonly ["less" | "more" | "same", string] {
  if (relative === undefined) return ["same", `changes ${metric} by an amount that could not be measured`];
  if (relative.upper < 0) return ["less", `gives up ${withMetric(scaled(relative, -1), metric)}`];
  if (relative.lower > 0) return ["more", `gains ${withMetric(relative, metric)}`];
  if (relative.lower === 0 && relative.upper === 0) return ["same", `leaves ${metric} as it is`];
  return ["same", `makes no measurable difference in ${metric} (${percentAroundZero(relative)})`];
}

/** `0.8 % NDCG@10 (0.3 to 1.2)` */
function withMetric(relative: Spread, metric: string): string {
  return percentWithInterval(relative).replace(" % ", ` % ${metric} `);
}

function missedText(served: RungTradeoffs, other: RungTradeoffs, objective: Objective): string {
  const p99 = other.cost.p99Ms.value;
  const { p99Ms, margin } = objective;
  if (p99 > p99Ms) {
    if (served.cost.p99Ms.value > p99Ms) return `; both miss the ${ms(p99Ms)} objective`;
    return `; ${other.noun} would miss the ${ms(p99Ms)} objective (P99 ${ms(p99)})`;
  }
  if (p99 > p99Ms * (1 - margin))
    return `; ${other.noun} (P99 ${ms(p99)}) would come nearer to the ${ms(p99Ms)} objective than its margin of ${percent(margin)} allows`;
  return "";
}

function scaled({ value, lower, upper }: Spread, factor: number): Spread {
  const ends = [lower * factor, upper * factor] as const;
  return { value: value * factor, lower: Math.min(...ends), upper: Math.max(...ends) };
}

/** The largest number of candidates beside that of the objective, else the smallest. */
function moreCandidates({ cost, otherCosts }: RungTradeoffs): readonly string[] {
  const others = otherCosts.filter(({ visits, ranked }) => visits === cost.visits && ranked !== cost.ranked);
  const other = others.toSorted((a, b) => b.candidates - a.candidates)[0];
  if (other === undefined) return [];
  const cpu = compareCosts(other.cpuMs, cost.cpuMs, "CPU");
  if (cpu.way === "same") return [];
  return [
    `ranking ${other.candidates} candidates instead of ${cost.candidates} takes ${cpu.text} (${ms(other.cpuMs.value)} instead of ${ms(cost.cpuMs.value)} a request)`,
  ];
}

function shorterHistory({ cost, otherCosts }: RungTradeoffs): readonly string[] {
  const other = otherCosts.find(({ visits }) => visits === 0);
  if (other === undefined) return [];
  const cpu = compareCosts(other.cpuMs, cost.cpuMs, "CPU");
  if (cpu.way === "same") return [];
  return [`a request of a user without a history takes ${cpu.text} (${ms(other.cpuMs.value)})`];
}

/** Why a rung serves or does not, after its name: "P99 212 ms, where …". */
export function verdictText(verdict: Verdict, tradeoffs: Tradeoffs): string {
  const { objective, metrics, rungs, choice } = tradeoffs;
  const [metric] = metrics;
  if (verdict.verdict === "chosen")
    return choice.meets ? "serves" : "serves: the fastest, where no rung meets the objective";
  if (verdict.verdict === "too-slow") {
    const { p99Ms, margin } = objective;
    const limit = margin > 0 ? `, and its margin of ${percent(margin)} leaves ${ms(choice.allowedMs)}` : "";
    return `too slow: P99 ${ms(verdict.p99Ms)}; the objective is ${ms(p99Ms)}${limit}`;
  }
  const other = rungs.find(({ name }) => name === verdict.than)!;
  const simpler = verdict.verdict === "not-better" ? ", which is simpler" : "";
  const { difference } = verdict;
  const base = other.quality[metric]?.value ?? 0;
  if (difference === null || !(base > 0))
    return `its difference to ${other.noun}${simpler} could not be measured`;
  const relative = scaled(difference, 1 / base);
  if (relative.upper < 0)
    return `${withMetric(scaled(relative, -1), metric)} less than ${other.noun}${simpler}`;
  if (relative.lower === 0 && relative.upper === 0) return `the same ${metric} as ${other.noun}${simpler}`;
  return `no measurable difference in ${metric} to ${other.noun}${simpler} (${percentAroundZero(relative)})`;
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
