/**
 * Quality against the current bundle: NDCG@10 of the items that users took next, both bundles on the same examples,
 * and no bundle on examples that only it has seen.
 */
import type { Catalog } from "../catalog/index.ts";
import { type BundleId, type Progress, Random } from "../core/index.ts";
import { ndcgAt } from "../evaluation/index.ts";
import type { ServingModels } from "../pipeline/index.ts";
import type { Manifest } from "../registry/index.ts";
import {
  type Example,
  everything,
  examplesBetween,
  type HeldOut,
  type History,
  type TouchLimits,
} from "../training/index.ts";
import type { GateCheck } from "./gate-report.ts";
import { twoStageOf } from "./held-out-figure.ts";
import { isWorse, lossText, type Paired, paired } from "./paired.ts";
import { type RankSettings, rankExamples } from "./rank-examples.ts";

export interface Compared {
  readonly id: BundleId;
  readonly manifest: Manifest;
  /** Over another catalog, for the past. */
  readonly load: (catalog: Catalog) => Promise<ServingModels>;
}

export interface QualityOptions {
  /** Read where there is something to compare with. */
  readonly history: () => Promise<History>;
  /** What the candidate's training has measured without the newest part, where it is the one that just ran. */
  readonly heldOut: HeldOut | null;
  readonly settings: RankSettings;
  readonly limits: TouchLimits;
  readonly progress: Progress;
}

/** What the comparison is made on, the best evidence first. */
const BASES = {
  unseen: "what came after both were trained",
  "held-out":
    "what came after the current one was trained, the candidate as its training measured it without that part",
  seen: "the newest part of what both were trained on",
  manifests: "what each training held out, on different days",
} as const;
type Basis = keyof typeof BASES;

/** The first basis with so many examples is taken, else the one with the most: intervals of fewer are wide (guess). */
const ENOUGH = 300;
/** Fewer than this say nothing. */
const TOO_FEW = 30;
/** Half-widths of 3 to 4 % of the NDCG between two trainings, about a minute of work (ml-1m; guesses elsewhere). */
const MAX_EXAMPLES = 3_000;
/** How much longer than the other's the log of one may be, for what both were trained on to be the same to both (guess). */
const SAME_LOG = 0.02;
const CURE = "Train longer or on more data: upnext train --time-budget.";

interface Sample {
  readonly basis: Exclude<Basis, "manifests">;
  readonly examples: readonly Example[];
  /** (examples) what training has measured of the candidate. */
  readonly measured?: Float64Array;
}

export async function qualityCheck(
  candidate: Compared,
  current: Compared | null,
  options: QualityOptions,
): Promise<GateCheck> {
  if (current === null) return notAsked("there is no current bundle to compare with");
  const history = await options.history();
  const samples = samplesOf(candidate, current, history, options.heldOut);
  const best =
    samples.find(({ examples }) => examples.length >= ENOUGH) ??
    samples.toSorted((a, b) => b.examples.length - a.examples.length)[0];
  if (best === undefined || best.examples.length < TOO_FEW) return ofManifests(candidate, current);
  const { settings, limits, progress } = options;
  const { basis, measured, examples } = best;
  const [own, other] = await rankExamples(
    [candidate.load, current.load],
    history,
    examples,
    settings,
    limits,
    progress,
  );
  const users = examples.map(({ user }) => user);
  const gains = (ranks: Float64Array) => ranks.map((rank) => ndcgAt(rank, 10));
  if (measured === undefined) return judged(basis, paired(gains(own!), gains(other!), users));
  // The bundle has seen what its training held out when that was measured: it must at least do what was measured.
  const kept = paired(gains(own!), gains(measured), users);
  if (isWorse(kept)) return judged("held-out", kept, "what its own training measured");
  return judged("held-out", paired(gains(measured), gains(other!), users));
}

/** What there is to compare on, the best evidence first. */
function samplesOf(
  { manifest: { logOffset: own } }: Compared,
  { manifest: { logOffset: other } }: Compared,
  history: History,
  heldOut: HeldOut | null,
): readonly Sample[] {
  const { logged } = history;
  const all = examplesBetween(
    history,
    history.offsets.subarray(0, history.users.length),
    everything(history),
  );
  const samples: Sample[] = [];
  const unseen = all.filter(({ entry }) => logged[entry]! >= Math.max(own, other));
  samples.push({ basis: "unseen", examples: chosen(unseen).map((i) => unseen[i]!) });
  if (heldOut !== null) {
    const { examples, ranks } = heldOut;
    const since = examples.flatMap(({ entry }, i) => (logged[entry]! >= other ? [i] : []));
    const kept = chosen(since).map((i) => since[i]!);
    samples.push({
      basis: "held-out",
      examples: kept.map((i) => examples[i]!),
      measured: Float64Array.from(kept, (i) => ranks[i]!),
    });
  }
  if (Math.abs(own - other) <= SAME_LOG * Math.max(own, other)) {
    const seen = all.filter(({ entry }) => logged[entry]! < Math.min(own, other));
    samples.push({ basis: "seen", examples: seen.slice(-MAX_EXAMPLES) });
  }
  return samples;
}

/** Indices of at most MAX_EXAMPLES of `items`, in their order. */
function chosen(items: readonly unknown[]): readonly number[] {
  const all = items.map((_, i) => i);
  if (all.length <= MAX_EXAMPLES) return all;
  new Random("gate").shuffle(all);
  return all.slice(0, MAX_EXAMPLES).sort((a, b) => a - b);
}

/** The last resort: two figures with intervals of their own. */
function ofManifests({ manifest: own }: Compared, { manifest: other }: Compared): GateCheck {
  const [mine, yours] = [twoStageOf(own), twoStageOf(other)];
  if (mine === null || yours === null) {
    return notAsked("there is too little that neither or both have seen, and a training measured nothing");
  }
  const mean = mine.mean - yours.mean;
  const halfWidth = Math.hypot(mine.halfWidth, yours.halfWidth);
  const difference = { mean, halfWidth };
  const examples = Math.min(mine.examples, yours.examples);
  return judged("manifests", { examples, users: 0, candidate: mine.mean, reference: yours.mean, difference });
}

function judged(basis: Basis, found: Paired, than = "the current bundle"): GateCheck {
  const worse = isWorse(found);
  return {
    name: "quality",
    passed: !worse,
    expected: `an NDCG@10 that is not lower than that of ${than} by more than noise`,
    came: `${found.candidate.toFixed(4)} against ${found.reference.toFixed(4)}, ${lossText(found)}, on ${found.examples} examples of ${BASES[basis]}`,
    ...(worse && { cure: CURE }),
    evidence: { basis, than, ...found },
  };
}

function notAsked(why: string): GateCheck {
  return {
    name: "quality",
    passed: null,
    expected: "an NDCG@10 that is not lower than that of the current bundle by more than noise",
    came: `not asked: ${why}`,
    evidence: {},
  };
}
