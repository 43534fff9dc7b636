/** Bundles and verdicts in words. */
import type { BundleOverview } from "../pipeline/index.ts";
import { type GateReport, refusals } from "../release/index.ts";
import { textTable } from "./text-table.ts";

export function releasesText(bundles: readonly BundleOverview[]): string {
  if (bundles.length === 0) return "there are no bundles: upnext train makes one";
  return textTable(
    [
      { title: "bundle" },
      { title: "state" },
      { title: "trained" },
      { title: "events", right: true },
      { title: "rung" },
      { title: "NDCG@10", right: true },
      { title: "refused for" },
    ],
    bundles.map(({ bundle, state, createdAt, logOffset, rung, ndcg10, refusedFor, changes }) => [
      bundle,
      state,
      new Date(createdAt).toISOString().slice(0, 16).replace("T", " "),
      `${logOffset}`,
      rung ?? "",
      ndcg10 === null ? "" : ndcg10.toFixed(4),
      [...(refusedFor ?? []), ...despite(changes)].join(", "),
    ]),
  );
}

function despite(changes: BundleOverview["changes"]): readonly string[] {
  return changes.flatMap((change) =>
    change.despite === undefined ? [] : [`promoted despite: ${change.despite}`],
  );
}

/** What the gate found; the last line says what serves now. */
export function releaseText(report: GateReport, despite?: string): string {
  const { bundle, against, accepted, loads, checks } = report;
  const table = textTable(
    [{ title: "check" }, { title: "" }, { title: "came", max: 100 }],
    checks.map(({ name, passed, came }) => [
      name,
      passed === null ? "-" : passed ? "passed" : "refused",
      passed === false ? "" : came === "that" ? "" : came,
    ]),
  );
  const reasons = refusals(report).map(({ code, message }) => `refused ${code}: ${message}`);
  return [table, "", ...reasons, outcome()].join("\n");

  function outcome(): string {
    if (accepted) return `bundle ${bundle} is in service`;
    if (loads && despite !== undefined) return `bundle ${bundle} is in service despite that: ${despite}`;
    return against === null
      ? `bundle ${bundle} is kept; what is in service stays`
      : `bundle ${bundle} is kept, and not in service; ${against} stays`;
  }
}
