/** A recommendation as a person reads it: the items, and where it was asked for, why each is there. */
import { REASONS, type Recommendation, type RecommendedItem, type Why } from "../pipeline/recommender.ts";
import { type StandingOut, standingOut } from "./standing-out.ts";
import { type Column, printable, textTable } from "./text-table.ts";

const COLUMNS: readonly Column[] = [
  { title: "#", right: true },
  { title: "item", max: 32 },
  { title: "title", max: 56 },
  { title: "creator", max: 24 },
  { title: "score", right: true },
];

/** Features that are listed for an item; all of them are in the JSON. */
const FEATURES = 5;
/** What the sources said is told by their ranks. */
const TOLD = /^provenance\./;

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
  const special = standingOut(
    items.map(({ why }) => withoutTold(why?.features ?? {})),
    FEATURES,
  );
  const explained = lines.flatMap((line, i) => {
    const { why } = items[i]!;
    return why === undefined ? [line] : [line, ...whyLines(why, special[i]!).map((text) => `      ${text}`)];
  });
  return [heading, ...explained].join("\n");
}

function withoutTold(features: Why["features"]): Why["features"] {
  return Object.fromEntries(Object.entries(features).filter(([name]) => !TOLD.test(name)));
}

function whyLines({ sources, heads, rankBeforePolicy }: Why, special: readonly StandingOut[]): string[] {
  const found = sources.map(({ name, rank, score }) => `${name} #${rank + 1} (${short(score)})`);
  const predicted = heads.map(({ name, value, weight }) => `${name} ${short(value)} × ${short(weight)}`);
  const features = special.map(
    ({ name, value, deviations }) =>
      `${name} ${short(value)} (${deviations > 0 ? "+" : ""}${deviations.toFixed(1)} sd)`,
  );
  return [
    `found by    ${found.length === 0 ? "no source" : found.join(", ")}`,
    ...(predicted.length === 0 ? [] : [`predicted   ${predicted.join(" + ")}`]),
    ...(features.length === 0 ? [] : [`stands out  ${features.join(", ")}`]),
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
