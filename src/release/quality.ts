/** The quality of rungs as the trade-offs state it, whatever it was measured on. */
import { headWeight } from "../ranking/index.ts";
import type { RankingEvaluation } from "../training/index.ts";
import type { Spread } from "./spread.ts";

export interface Quality {
  /** The first decides; more of it is better. */
  readonly metrics: readonly [string, ...(readonly string[])];
  /** (metrics) of a rung. */
  of(rung: string): readonly (Spread | null)[];
  /** Of the first metric: one rung's mean minus another's, paired. */
  difference(rung: string, other: string): Spread | null;
}

const METRICS = [
  ["ndcg@10", "NDCG@10"],
  ["auc", "AUC"],
  ["gauc", "user AUC"],
  ["logLoss", "log loss"],
] as const;

/**
 * On what users were shown and what they did with it. The head that counts most in the score decides, by NDCG@10
 * within a user's day.
 */
export function qualityOfExposures(
  { rungs, comparisons }: RankingEvaluation,
  headWeights: Readonly<Record<string, number>>,
): Quality {
  const weightOf = (name: string) => headWeight(name, headWeights);
  const heads = rungs[0]!.heads.map(({ head }) => head).sort((a, b) => weightOf(b) - weightOf(a));
  const columns = heads.flatMap((head) =>
    METRICS.map(([metric, title]) => ({ head, metric, title: `${head} ${title}` })),
  );
  const [first, ...others] = columns.map(({ title }) => title);
  const difference = (rung: string, other: string): Spread | undefined => {
    const found = comparisons.find((pair) => pair.rung === rung && pair.with === other);
    const estimate = found?.heads.find(({ head }) => head === heads[0])?.["ndcg@10"];
    return estimate && spreadOf(estimate);
  };
  return {
    metrics: [first!, ...others],
    of(rung) {
      const scores = rungs.find(({ name }) => name === rung)?.heads;
      return columns.map(({ head, metric }) => {
        const estimate = scores?.find((each) => each.head === head)?.[metric];
        return estimate ? spreadOf(estimate) : null;
      });
    },
    difference(rung, other) {
      const found = difference(rung, other);
      if (found !== undefined) return found;
      const { value, lower, upper } = difference(other, rung) ?? {};
      if (value === undefined || lower === undefined || upper === undefined) return null;
      return { value: -value, lower: -upper, upper: -lower };
    },
  };
}

function spreadOf({
  mean,
  lower,
  upper,
}: {
  readonly mean: number;
  readonly lower: number;
  readonly upper: number;
}): Spread {
  return { value: mean, lower, upper };
}
