/** A recommendation as a person reads it: the items, and where it was asked for, why each is there. */
import { REASONS, type Recommendation, type RecommendedItem, type Why } from "../pipeline/recommender.ts";
import { type Column, printable, textTable } from "./text-table.ts";

const COLUMNS: readonly Column[] = [
  { title: "#", right: true },
  { title: "item", max: 32 },
  { title: "title", max: 56 },
  { title: "creator", max: 24 },
  { title: "score", right: true },
];

/** Features that are listed for an item; the rest is in the JSON. */
const FEATURES = 8;

export function recommendationText(answer: Recommendation): string {
  const parts = [headline(answer)];
  for (const reason of answer.reasons) parts.push(`  ${reason}: ${REASONS[reason]}`);
  if (answer.items.length > 0) parts.push("", itemsText(answer.items));
  if (answer.whyNot !== undefined) parts.push("", ...answer.whyNot.map(whyNotLine));
  return parts.join("\n");
}

function headline({ user, items, personal, rung, bundle, offset, trace }: Recommendation): string {
  const facts = [
    `${items.length} ${items.length === 1 ? "item" : "items"} for ${printable(user)}`,
    personal ? "personal" : "not personal",
    `rung ${rung}`,
    bundle === null ? "no bundle" : `bundle ${bundle}`,
    `log offset ${offset}`,
    `${trace.ms.toFixed(1)} of ${trace.budgetMs} ms`,
  ];
  return facts.join(", ");
}

function itemsText(items: readonly RecommendedItem[]): string {
  const rows = items.map(({ position, item, facts, score }) => [
    String(position + 1),
    item,
    facts?.title ?? "",
    facts?.creator ?? "",
    score.toFixed(4),
  ]);
  const used = COLUMNS.filter((_, c) => rows.some((row) => row[c] !== ""));
  const cells = rows.map((row) => row.filter((_, c) => used.includes(COLUMNS[c]!)));
  const [heading, ...lines] = textTable(used, cells).split("\n");
  const explained = lines.flatMap((line, i) => {
    const { why } = items[i]!;
    return why === undefined ? [line] : [line, ...whyLines(why).map((text) => `      ${text}`)];
  });
  return [heading, ...explained].join("\n");
}

function whyLines({ sources, heads, rankBeforePolicy, features }: Why): string[] {
  const found = sources.map(({ name, rank, score }) => `${name} #${rank + 1} (${short(score)})`);
  const predicted = heads.map(({ name, value, weight }) => `${name} ${short(value)} × ${short(weight)}`);
  const notable = Object.entries(features)
    .filter(([, value]) => Number.isFinite(value) && value !== 0)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const shown = notable.slice(0, FEATURES).map(([name, value]) => `${name} ${short(value)}`);
  const more = notable.length > FEATURES ? ` and ${notable.length - FEATURES} more (--json)` : "";
  return [
    `found by  ${found.length === 0 ? "no source" : found.join(", ")}`,
    ...(predicted.length === 0 ? [] : [`heads     ${predicted.join(" + ")}`]),
    ...(shown.length === 0 ? [] : [`features  ${shown.join(", ")}${more}`]),
    `rank before the policy: ${rankBeforePolicy + 1}`,
  ];
}

function whyNotLine({ item, stage, reason }: { item: string; stage: string; reason: string }): string {
  return stage === "shown"
    ? `${printable(item)} is shown: ${printable(reason)}`
    : `not ${printable(item)}, lost in ${stage}: ${printable(reason)}`;
}

/** Three digits that count. */
function short(value: number): string {
  if (!Number.isFinite(value)) return "none";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  return Number(value.toPrecision(3)).toString();
}
