/** Recommendations and similar items on the wire: what was found, why, and what the answer lacks. */
import { z } from "zod";
import { itemFactsSchema } from "../events/index.ts";
import {
  REASONS,
  type Reason,
  type Recommendation,
  type RecommendedItem,
  RUNGS,
  type SimilarItems,
  STAGES,
} from "../pipeline/recommender.ts";
import { finiteOrNull, type Wire } from "./wire.ts";

const REASON_NAMES = Object.keys(REASONS) as [Reason, ...Reason[]];

const reasons = z
  .array(z.enum(REASON_NAMES))
  .describe(
    `Why the result is not personal or not the best possible; empty where it is. ${REASON_NAMES.map((name) => `${name}: ${REASONS[name]}`).join(" ")}`,
  );

const factsSchema = itemFactsSchema.describe("Facts as they were last upserted.");

const whySchema = z
  .object({
    sources: z.array(z.object({ name: z.string(), rank: z.int(), score: z.number().nullable() })),
    heads: z.array(
      z.object({ name: z.string(), value: z.number().nullable(), weight: z.number().nullable() }),
    ),
    rankBeforePolicy: z.int(),
    features: z.record(z.string(), z.number().nullable()).describe("null where the feature has no value."),
  })
  .meta({ id: "Why", description: "Who found the item, and what its score is made of." });

const stageSchema = z.object({
  stage: z.enum(STAGES),
  ms: z.number(),
  in: z.int().describe("Candidates that entered; items of the catalogue for `filter`, touches for `encode`."),
  out: z.int().describe("Candidates that left; touches and vetoes for `state`, encodings for `encode`."),
  fallback: z.enum(REASON_NAMES).optional().describe("What went wrong, where the stage's fallback answered."),
});

export const recommendationSchema = z
  .object({
    request: z
      .string()
      .describe("Name of this answer in the log; send it with the interactions that follow."),
    user: z.string(),
    items: z.array(
      z.object({
        item: z.string(),
        position: z.int(),
        score: z.number(),
        facts: factsSchema.optional(),
        why: whySchema.optional(),
      }),
    ),
    rung: z.enum(RUNGS).describe("From best to simplest answer."),
    personal: z.boolean(),
    reasons,
    bundle: z.string().nullable().describe("The trained bundle that answered; null where there is none."),
    arms: z
      .array(
        z.object({
          experiment: z.string(),
          arm: z.string(),
          served: z.boolean().describe("false where the arm's bundle could not be loaded here."),
        }),
      )
      .describe("The user's arms in the experiments that run."),
    offset: z.int().describe("Every event before this offset is reflected."),
    trace: z.object({
      ms: z.number(),
      budgetMs: z.number(),
      stages: z.array(stageSchema),
      sources: z.array(z.object({ name: z.string(), found: z.int(), ms: z.number() })),
    }),
    whyNot: z
      .array(
        z.object({
          item: z.string(),
          stage: z.enum(["catalog", "filter", "retrieval", "ranking", "policy", "shown"]),
          reason: z.string(),
        }),
      )
      .optional()
      .describe("For each asked-for item: where it was lost."),
  })
  .meta({
    id: "Recommendation",
    description: "A ranked slate, with what it was computed from and how.",
    examples: [
      {
        request: "r-7f3a",
        user: "u1",
        items: [{ item: "v42", position: 0, score: 0.83, facts: { title: "How glass is made" } }],
        rung: "full",
        personal: true,
        reasons: [],
        bundle: "9c1f0e",
        arms: [{ experiment: "calmer-feed", arm: "B", served: true }],
        offset: 240_118,
        trace: {
          ms: 2.4,
          budgetMs: 50,
          stages: [{ stage: "rank", ms: 1.1, in: 500, out: 500 }],
          sources: [{ name: "transitions", found: 180, ms: 0.2 }],
        },
      },
    ],
  });

export function recommendationAnswer(
  recommendation: Recommendation,
): Wire<z.input<typeof recommendationSchema>> {
  if (!recommendation.items.some((item) => item.why !== undefined)) return recommendation;
  return { ...recommendation, items: recommendation.items.map(withFiniteWhy) };
}

function withFiniteWhy(item: RecommendedItem) {
  const { why } = item;
  if (why === undefined) return item;
  const features = Object.fromEntries(
    Object.entries(why.features).map(([name, value]) => [name, finiteOrNull(value)]),
  );
  const sources = why.sources.map((source) => ({ ...source, score: finiteOrNull(source.score) }));
  const heads = why.heads.map(({ name, value, weight }) => {
    return { name, value: finiteOrNull(value), weight: finiteOrNull(weight) };
  });
  return { ...item, why: { ...why, sources, heads, features } };
}

export const similarSchema = z
  .object({
    item: z.string(),
    items: z.array(z.object({ item: z.string(), score: z.number(), facts: factsSchema.optional() })),
    reasons,
  })
  .meta({
    id: "SimilarItems",
    description: "Items that go with the item, best first.",
    examples: [{ item: "v42", items: [{ item: "v7", score: 0.61 }], reasons: [] }],
  });

export function similarAnswer(similar: SimilarItems): Wire<z.input<typeof similarSchema>> {
  return similar;
}
