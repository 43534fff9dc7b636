/**
 * `upnext features`: every feature, how often it says something, what its values are in the newest data, and how far
 * these have moved from those that the current bundle was trained on.
 *
 * Features are looked at where a ranker meets them: in what was shown, and, where nothing was, or where they tell what
 * sources say, among the candidates of next items.
 */
import { type Progress, Random, UpnextError } from "../core/index.ts";
import type { EventLog } from "../events/index.ts";
import {
  type Feature,
  type FeatureSet,
  type FeatureSummary,
  featureSet,
  fitFeatureSchema,
  parseFeatureSchema,
  parseFeatureSummary,
  stabilityIndex,
  summaryOf,
} from "../features/index.ts";
import { type Bundle, decodeModels } from "../registry/index.ts";
import { type FittedSources, type Source, sourcesNamed } from "../retrieval/index.ts";
import type { Snapshot } from "../snapshots/index.ts";
import { examplesBetween } from "./examples.ts";
import { type History, readHistory } from "./history.ts";
import { type RankingLists, SLATE } from "./ranking/lists.ts";
import { rankingLists } from "./ranking/make-lists.ts";
import { everything, type TouchLimits } from "./replay.ts";

/** What the values of a feature were taken from. */
export type FeatureRows = "exposures" | "next-items";

export interface FeatureLine extends Omit<FeatureSummary, "shares"> {
  readonly name: string;
  readonly group: string;
  readonly per: Feature["per"];
  readonly kind: Feature["kind"];
  readonly rows: FeatureRows;
  /** Population stability index against the bundle's training; null where the bundle has nothing to compare with. */
  readonly drift: number | null;
}

export interface FeatureReport {
  readonly fingerprint: string;
  /** null without a bundle: the features are then those of sources that need no training. */
  readonly bundle: string | null;
  readonly exposures: number;
  readonly nextItems: number;
  readonly features: readonly FeatureLine[];
}

export interface FeatureReportOptions {
  readonly bundle: Bundle | null;
  /** Candidates of the blend, and how many each source is asked for. */
  readonly candidates: number;
  readonly perSource: number;
  readonly limits: TouchLimits;
  /** What the history begins with where the log does not begin at 0. */
  readonly base?: Snapshot;
}

/** At most so many, the newest. */
const SLATES = 4000;
const NEXT_ITEMS = 300;
/** Values that a summary is made of; more are passed over evenly. */
const SAMPLE = 20_000;

/** Rejects with `not_enough_data` where nobody did anything yet, and with what an unreadable bundle rejects with. */
export async function featureReport(
  log: EventLog,
  options: FeatureReportOptions,
  progress: Progress,
): Promise<FeatureReport> {
  progress.step("read the log");
  const history = await readHistory(log, options.base);
  const known = options.bundle === null ? untrained(history) : trained(options.bundle);
  const all = everything(history);
  const examples = examplesBetween(history, history.offsets.slice(0, -1), all).slice(-NEXT_ITEMS);
  const slates = history.slates.slice(-SLATES);
  const lists = await rankingLists({
    history,
    sources: known.sources,
    fitted: known.fitted,
    featureSet: known.set,
    cut: all,
    examples,
    slates,
    asked: new Uint8Array(slates.length),
    candidates: options.candidates,
    perSource: options.perSource,
    limits: options.limits,
    random: new Random("features"),
    progress,
  });
  if (lists.count === 0) {
    throw new UpnextError(
      "not_enough_data",
      "features: expected at least one impression or one item that someone took and retrieval finds, the log has none. Import data (upnext import PATH) or send events (POST /v1/events).",
    );
  }
  const exposures = lists.kinds.filter((kind) => kind === SLATE).length;
  return {
    fingerprint: known.set.fingerprint,
    bundle: options.bundle?.id ?? null,
    exposures,
    nextItems: lists.count - exposures,
    features: known.set.features.map((feature) => {
      const { name, group, per, kind, unknown } = feature;
      const { rows, values } = valuesOf(known.set, lists, feature);
      const { shares: _, ...summary } = summaryOf(values, unknown);
      const before = known.summaries[name];
      const drift = before === undefined ? null : stabilityIndex(before, values);
      return { name, group, per, kind, rows, ...summary, drift };
    }),
  };
}

/** What the features of a training looked like, by name: a part of its bundle. */
export function featureSummaries(
  set: FeatureSet,
  lists: RankingLists,
): Readonly<Record<string, FeatureSummary>> {
  return Object.fromEntries(
    set.features.map((feature) => [
      feature.name,
      summaryOf(valuesOf(set, lists, feature).values, feature.unknown),
    ]),
  );
}

interface Known {
  readonly set: FeatureSet;
  readonly sources: readonly Source[];
  readonly fitted: FittedSources;
  readonly summaries: Readonly<Record<string, FeatureSummary>>;
}

function untrained(history: History): Known {
  const sources = sourcesNamed().filter(({ fit }) => fit === undefined);
  const { catalog, users, slates } = history;
  const schema = fitFeatureSchema({
    sources,
    catalog,
    users,
    surfaces: slates.map(({ surface }) => surface),
    devices: slates.map(({ device }) => device),
  });
  return { set: featureSet(schema), sources, fitted: {}, summaries: {} };
}

function trained(bundle: Bundle): Known {
  const { features, sources: fitted } = decodeModels(bundle);
  const { schema: given, summaries } = Object(features) as { schema?: unknown; summaries?: unknown };
  const schema = parseFeatureSchema(given);
  const set = schema && featureSet(schema);
  if (set === undefined || set.fingerprint !== bundle.manifest.fingerprint) {
    throw new UpnextError(
      "bundle_incompatible",
      `bundle ${bundle.id}: expected features that this version computes, got those of another. Train again: upnext train`,
    );
  }
  const parsed = Object.entries(Object(summaries)).flatMap(([name, value]) => {
    const summary = parseFeatureSummary(value);
    return summary === undefined ? [] : [[name, summary] as const];
  });
  return {
    set,
    sources: sourcesNamed(schema!.sources),
    fitted,
    summaries: Object.fromEntries(parsed),
  };
}

/** The feature's values in the lists of one kind, at most SAMPLE of them. */
function valuesOf(
  set: FeatureSet,
  lists: RankingLists,
  { name, per, ofRetrieval }: Feature,
): { readonly rows: FeatureRows; readonly values: Float32Array } {
  const exposed = !ofRetrieval && lists.kinds.includes(SLATE);
  const chosen: number[] = [];
  for (let list = 0; list < lists.count; list++) {
    if ((lists.kinds[list] === SLATE) !== exposed) continue;
    if (per === "request") chosen.push(list);
    else for (let row = lists.offsets[list]!; row < lists.offsets[list + 1]!; row++) chosen.push(row);
  }
  const [matrix, width, names] =
    per === "request"
      ? [lists.request, lists.requestWidth, set.requestNames]
      : [lists.candidates, lists.candidateWidth, set.candidateNames];
  const column = names.indexOf(name);
  const step = Math.max(1, chosen.length / SAMPLE);
  const values = Float32Array.from({ length: Math.min(chosen.length, SAMPLE) }, (_, i) => {
    return matrix[chosen[Math.floor(i * step)]! * width + column]!;
  });
  return { rows: exposed ? "exposures" : "next-items", values };
}
