/**
 * Which rung serves: of those that meet the objective, from simple to complex, the last one that beat what was chosen
 * before it by more than noise.
 *
 * The order is that of the ladder, except that a rung which is clearly cheaper to serve goes before those that it is
 * cheaper than: a student is trained last and is simple to serve.
 */
import type { Spread } from "./spread.ts";

/** What the configuration asks of a release: its section `slo`. */
export interface Objective {
  readonly p99Ms: number;
  /** Share of `p99Ms` that stays free: requests are measured one at a time, on a machine that does nothing else. */
  readonly margin: number;
}

/** What the choice goes by. */
export interface Contender {
  readonly name: string;
  /** Of the whole pipeline, under the conditions of the objective. */
  readonly p99Ms: number;
  /** CPU time of a request: median, smallest and largest of the rounds. */
  readonly cpuMs: Spread;
  /** Of the metric that decides, of which more is better: this rung's mean minus that of another one, with the paired interval of 95 %; null where it is not known. */
  differenceTo(other: string): Spread | null;
}

/** What became of a rung. `difference` is its own quality minus the other's. */
export type Verdict =
  | { readonly rung: string; readonly verdict: "chosen" }
  | { readonly rung: string; readonly verdict: "too-slow"; readonly p99Ms: number }
  | {
      readonly rung: string;
      /** `not-better`: than the simpler rung `than`, by more than noise; `beaten`: by `than`, which is more complex. */
      readonly verdict: "not-better" | "beaten";
      readonly than: string;
      readonly difference: Spread | null;
    };

export interface Choice {
  readonly rung: string;
  /** Whether it meets the objective. Where none does, the fastest is chosen. */
  readonly meets: boolean;
  /** What the objective leaves after its margin. */
  readonly allowedMs: number;
  /** One for every rung, from simple to complex. */
  readonly verdicts: readonly Verdict[];
}

/**
 * A rung goes before another one of the ladder where it costs less than this share of its CPU time (guess), and less in
 * every round than the other in any.
 */
export const CLEARLY_CHEAPER = 0.8;

/** @param ladder from simple to complex */
export function chooseRung(
  ladder: readonly [Contender, ...(readonly Contender[])],
  objective: Objective,
): Choice {
  const order = fromSimpleToComplex(ladder);
  const allowedMs = objective.p99Ms * (1 - objective.margin);
  // A P99 that is not a number meets nothing.
  const meeting = order.filter(({ p99Ms }) => p99Ms <= allowedMs);
  const [first, ...others] = meeting;
  if (first === undefined) return noneMeets(order, allowedMs);
  let chosen = first;
  const lost = new Map<Contender, Verdict>();
  for (const next of others) {
    const difference = next.differenceTo(chosen.name);
    if (difference !== null && difference.lower > 0) {
      const { value, lower, upper } = difference;
      const own = { value: -value, lower: -upper, upper: -lower };
      lost.set(chosen, { rung: chosen.name, verdict: "beaten", than: next.name, difference: own });
      chosen = next;
    } else {
      lost.set(next, { rung: next.name, verdict: "not-better", than: chosen.name, difference });
    }
  }
  return {
    rung: chosen.name,
    meets: true,
    allowedMs,
    verdicts: order.map((each) => {
      if (each === chosen) return { rung: each.name, verdict: "chosen" };
      return lost.get(each) ?? tooSlow(each);
    }),
  };
}

function noneMeets(order: readonly [Contender, ...(readonly Contender[])], allowedMs: number): Choice {
  let fastest = order[0];
  // Of equals the simplest; a P99 that is not a number is the fastest of none.
  for (const each of order) {
    if (each.p99Ms < fastest.p99Ms || Number.isNaN(fastest.p99Ms)) fastest = each;
  }
  return {
    rung: fastest.name,
    meets: false,
    allowedMs,
    verdicts: order.map((each) =>
      each === fastest ? { rung: each.name, verdict: "chosen" } : tooSlow(each),
    ),
  };
}

function tooSlow({ name, p99Ms }: Contender): Verdict {
  return { rung: name, verdict: "too-slow", p99Ms };
}

function fromSimpleToComplex(
  ladder: readonly [Contender, ...(readonly Contender[])],
): readonly [Contender, ...(readonly Contender[])] {
  const order: Contender[] = [];
  for (const rung of ladder) {
    let at = order.length;
    while (at > 0 && isClearlyCheaper(rung.cpuMs, order[at - 1]!.cpuMs)) at--;
    order.splice(at, 0, rung);
  }
  const [first = ladder[0], ...others] = order;
  return [first, ...others];
}

function isClearlyCheaper(own: Spread, other: Spread): boolean {
  return own.value < CLEARLY_CHEAPER * other.value && own.upper < other.lower;
}
