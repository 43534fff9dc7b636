/** What a bundle says to real requests: whether everything in it answers, with finite scores that vary. */
import type { PathResult } from "../pipeline/index.ts";
import type { GateCheck } from "./gate-report.ts";

/** Lists of fewer candidates say little about how scores vary. */
const MIN_CANDIDATES = 10;
/** Scores of a list that differ by less than this share of their size are one score: float32 keeps 7 digits. */
const CONSTANT = 1e-5;
/** A ranker that orders fewer lists than this is refused; one list may hold the same item in many copies (guess). */
const VARYING_SHARE = 0.5;
const CURE = "Train again: upnext train.";

export function requestChecks(paths: readonly PathResult[], ranks: boolean): readonly GateCheck[] {
  return [answers(paths), finite(paths, ranks), varying(paths, ranks)];
}

function answers(paths: readonly PathResult[]): GateCheck {
  const failed = paths.filter(({ reasons }) =>
    reasons.some((reason) => reason === "ranking_failed" || reason === "source_failed"),
  );
  const reasons = [...new Set(failed.flatMap((path) => path.reasons))];
  return {
    name: "requests",
    passed: paths.length === 0 ? null : failed.length === 0,
    expected: "an answer of every source and of the ranker to recent requests",
    came:
      paths.length === 0
        ? "not asked: the log has no requests and no users"
        : failed.length === 0
          ? `answers to ${paths.length} requests`
          : `${reasons.join(", ")} in ${failed.length} of ${paths.length} requests`,
    ...(failed.length > 0 && { cure: CURE }),
    evidence: { requests: paths.length, failed: failed.length, reasons },
  };
}

function finite(paths: readonly PathResult[], ranks: boolean): GateCheck {
  const ranked = paths.filter(({ heads }) => heads.length > 0);
  const bad = ranked.filter(({ heads, scores }) => !heads.every(allFinite) || !allFinite(scores));
  return {
    name: "finite",
    passed: ranked.length === 0 ? null : bad.length === 0,
    expected: "finite scores for the candidates of recent requests",
    came:
      ranked.length === 0
        ? notRanked(ranks)
        : bad.length === 0
          ? `${ranked.length} lists of finite scores`
          : `NaN or an infinity in ${bad.length} of ${ranked.length} lists`,
    ...(bad.length > 0 && { cure: CURE }),
    evidence: { lists: ranked.length, notFinite: bad.length },
  };
}

function varying(paths: readonly PathResult[], ranks: boolean): GateCheck {
  const lists = paths.filter(
    ({ heads, scores }) => heads.length > 0 && scores.length >= MIN_CANDIDATES && allFinite(scores),
  );
  const constant = lists.filter(({ scores }) => isConstant(scores)).length;
  const share = lists.length === 0 ? 1 : 1 - constant / lists.length;
  return {
    name: "scores",
    passed: lists.length === 0 ? null : share >= VARYING_SHARE,
    expected: `scores that vary over the candidates of at least ${100 * VARYING_SHARE} % of recent requests`,
    came:
      lists.length === 0
        ? notRanked(ranks)
        : constant === 0
          ? `${lists.length} lists of scores that vary`
          : `one score for all candidates in ${constant} of ${lists.length} lists`,
    ...(share < VARYING_SHARE && { cure: CURE }),
    evidence: { lists: lists.length, constant },
  };
}

function notRanked(ranks: boolean): string {
  return ranks ? "not asked: no recent request had enough candidates" : "not asked: the bundle has no ranker";
}

function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) return false;
  return true;
}

function isConstant(scores: Float32Array): boolean {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! < low) low = scores[i]!;
    if (scores[i]! > high) high = scores[i]!;
  }
  return high - low <= CONSTANT * Math.max(Math.abs(low), Math.abs(high));
}
