/** One bundle of a registry in full: what it was trained on, what that measured, and what the gate said of it. */
import { type BundleId, UpnextError } from "../core/index.ts";
import type { BundleDetails, CheckMade, RungEvidence } from "../pipeline/index.ts";
import type { Registry } from "../registry/index.ts";
import type { evidenceOf, Tradeoffs } from "./tradeoffs.ts";
import { ms, percentAroundZero, percentWithInterval } from "./wording.ts";

type Evidence = ReturnType<typeof evidenceOf>;

/** Rejects with `no_bundle`. */
export async function releaseDetails(id: BundleId, registry: Registry): Promise<BundleDetails> {
  const found = (await registry.list()).find((bundle) => bundle.id === id);
  if (found === undefined) {
    throw new UpnextError(
      "no_bundle",
      "release: expected a bundle of the registry, there is none with this id",
    );
  }
  const { manifest } = found;
  const { systems, examples, rung, tradeoffs } = Object(manifest.metrics) as Record<string, unknown>;
  const verdict = await registry.verdict(id);
  return {
    bundle: id,
    createdAt: manifest.createdAt,
    logOffset: manifest.logOffset,
    items: manifest.itemCount,
    seed: manifest.seed,
    rung: typeof rung === "string" ? rung : null,
    examples: typeof examples === "number" ? examples : 0,
    systems: systemsIn(systems),
    checks: verdict === null ? null : checksIn(verdict.report),
    tradeoffs: evidenceIn(tradeoffs),
  };
}

function systemsIn(systems: unknown): BundleDetails["systems"] {
  if (!Array.isArray(systems)) return [];
  return systems.map((system) => {
    const { name, ...metrics } = Object(system) as Record<string, unknown>;
    const numbers = Object.entries(metrics).filter(
      (entry): entry is [string, number | null] => entry[1] === null || typeof entry[1] === "number",
    );
    return { name: String(name), metrics: Object.fromEntries(numbers) };
  });
}

function checksIn(report: unknown): readonly CheckMade[] {
  const { checks } = Object(report) as { checks?: unknown };
  if (!Array.isArray(checks)) return [];
  return checks.map((check) => {
    const { name, passed, expected, came, cure } = Object(check) as Record<string, unknown>;
    return {
      name: String(name),
      passed: typeof passed === "boolean" ? passed : null,
      expected: String(expected ?? ""),
      came: String(came ?? ""),
      ...(typeof cure === "string" && { cure }),
    };
  });
}

/** What `evidenceOf` made; null for what another version wrote. */
function evidenceIn(value: unknown): RungEvidence | null {
  if (Object(value).format !== 1) return null;
  const { measuredAt, objective, metric, choice, rungs } = value as Evidence;
  const verdicts = new Map(choice.verdicts.map((verdict) => [verdict.rung, verdict]));
  return {
    measuredAt,
    objective: { p99Ms: objective.p99Ms, margin: objective.margin, candidates: objective.candidates },
    metric,
    chosen: choice.rung,
    sentences: sentencesOf(value as Evidence),
    rungs: rungs.map(({ name, quality, p99Ms, cpuMs }) => ({
      name,
      quality,
      p99Ms,
      cpuMs,
      verdict: verdictText(verdicts.get(name)!, metric),
    })),
  };
}

/** The choice in words, from what a bundle keeps of it. */
function sentencesOf({ choice, objective, rungs, metric }: Evidence): readonly string[] {
  const chosen = rungs.find(({ name }) => name === choice.rung);
  if (chosen === undefined) return [];
  const goal = `the objective of ${ms(objective.p99Ms)}`;
  const first = choice.meets
    ? `${chosen.name} serves: it meets ${goal} (P99 ${ms(chosen.p99Ms.value)}).`
    : `No rung meets ${goal}; ${chosen.name} serves, since it is the fastest (P99 ${ms(chosen.p99Ms.value)}).`;
  const best = rungs.reduce((a, b) => ((b.quality?.value ?? -1) > (a.quality?.value ?? -1) ? b : a), chosen);
  if (best === chosen) return [first, `No other rung has a higher ${metric}.`];
  const difference = chosen.differences[best.name];
  const base = best.quality?.value ?? 0;
  const times = best.cpuMs.value / chosen.cpuMs.value;
  const cpu = times >= 1 ? `${times.toFixed(1)} times less CPU` : `${(1 / times).toFixed(1)} times more CPU`;
  if (difference === undefined || !(base > 0)) return [first];
  const lost = {
    value: -difference.value / base,
    lower: -difference.upper / base,
    upper: -difference.lower / base,
  };
  const what =
    lost.lower > 0
      ? `gives up ${percentWithInterval(lost).replace(" % ", ` % ${metric} `)}`
      : `makes no measurable difference in ${metric} (${percentAroundZero(lost)})`;
  return [first, `Serving ${chosen.name} instead of ${best.name} ${what} for ${cpu}.`];
}

function verdictText(verdict: Tradeoffs["choice"]["verdicts"][number], metric: string): string {
  if (verdict.verdict === "chosen") return "serves";
  if (verdict.verdict === "too-slow") return "too slow";
  return verdict.verdict === "beaten"
    ? `beaten by ${verdict.than}`
    : `no better ${metric} than ${verdict.than}, which is simpler`;
}
