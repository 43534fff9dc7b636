/** What a bundle keeps of the trade-offs by which its ranker was chosen, and how that is read again. */
import type { RungEvidence } from "../pipeline/index.ts";
import { sentencesOf, verdictText } from "./tradeoff-sentences.ts";
import type { Tradeoffs } from "./tradeoffs.ts";

/** Raised when the keys change: evidence of another format is not read. */
const FORMAT = 2;

type Evidence = ReturnType<typeof evidenceOf>;

/** The choice, the numbers of each rung that it was made with, and both in words. JSON. */
export function evidenceOf(tradeoffs: Tradeoffs) {
  const { measuredAt, data, machine, objective, metrics, choice, rungs } = tradeoffs;
  const [metric] = metrics;
  const verdicts = new Map(choice.verdicts.map((verdict) => [verdict.rung, verdictText(verdict, tradeoffs)]));
  return {
    format: FORMAT,
    measuredAt,
    data,
    machine,
    objective,
    metric,
    choice,
    sentences: sentencesOf(tradeoffs),
    rungs: rungs.map(({ name, quality, differences, cost: { requests, p99Ms, cpuMs } }) => ({
      name,
      quality: quality[metric] ?? null,
      differences,
      requests,
      p99Ms,
      cpuMs,
      verdict: verdicts.get(name)!,
    })),
  };
}

/** What `evidenceOf` made; null for what another version wrote, and for everything else. */
export function evidenceIn(value: unknown): RungEvidence | null {
  if (Object(value).format !== FORMAT) return null;
  const { measuredAt, objective, metric, choice, sentences, rungs } = value as Evidence;
  return {
    measuredAt,
    objective: { p99Ms: objective.p99Ms, margin: objective.margin, candidates: objective.candidates },
    metric,
    chosen: choice.rung,
    sentences,
    rungs: rungs.map(({ name, quality, p99Ms, cpuMs, verdict }) => ({
      name,
      quality,
      p99Ms,
      cpuMs,
      verdict,
    })),
  };
}
