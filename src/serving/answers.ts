/**
 * What the API answers, as schemas: the OpenAPI description and the compiled serialisers both come from these. Each
 * function takes a type of the pipeline to the type on the wire, so the compiler sees where they part.
 */
import { z } from "zod";
import { ERRORS, type ErrorCode } from "../core/index.ts";
import { type AppendResult, INTERACTION_TYPE_NAMES, itemFactsSchema } from "../events/index.ts";
import {
  type Check,
  type ErasureReceipt,
  REASONS,
  type Reason,
  type Recommendation,
  type RecommendedItem,
  RUNGS,
  type SimilarItems,
} from "../pipeline/recommender.ts";
import type { Touch, UserState } from "../state/index.ts";

/** A schema's type with every part read-only, as the pipeline's types are. */
type Wire<T> = T extends readonly (infer E)[]
  ? readonly Wire<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Wire<T[K]> }
    : T;

const CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
const REASON_NAMES = Object.keys(REASONS) as [Reason, ...Reason[]];

const reasons = z
  .array(z.enum(REASON_NAMES))
  .describe(
    `Why the result is not personal or not the best possible; empty where it is. ${REASON_NAMES.map((name) => `${name}: ${REASONS[name]}`).join(" ")}`,
  );

export const errorSchema = z
  .object({
    error: z.object({
      code: z.enum(CODES).describe("Stable; made for programs."),
      message: z.string().describe("Where, what was expected, what came, and the cure; made for people."),
      docs: z.string().describe("Where the code is explained."),
      request: z.string().describe("Id of the HTTP request, also in the header x-request-id."),
      problems: z
        .array(z.object({ index: z.int(), message: z.string() }))
        .optional()
        .describe("For a batch: the bad elements, at most 20."),
    }),
  })
  .meta({
    id: "Error",
    description: "Every failure has this form.",
    examples: [
      {
        error: {
          code: "invalid_request",
          message: 'limit: expected an integer from 1 to 500, got "abc"',
          docs: "docs/errors.md#invalid_request",
          request: "5f1d2c3b-1a",
        },
      },
    ],
  });

export const appendSchema = z
  .object({
    offset: z.int().describe("Hand it to a later request as `after`: its answer then reflects these events."),
    accepted: z.int().describe("Events that were new."),
    duplicates: z.int().describe("Events whose id was known already; they changed nothing."),
  })
  .meta({
    id: "Appended",
    description: "The events are durable and reflected.",
    examples: [{ offset: 240_118, accepted: 1, duplicates: 0 }],
  });

export function appendAnswer(result: AppendResult): Wire<z.input<typeof appendSchema>> {
  return result;
}

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
  stage: z.string(),
  ms: z.number(),
  in: z.int().describe("Candidates that entered."),
  out: z.int().describe("Candidates that left."),
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

/** JSON has no NaN, which is how a feature says that it has no value. */
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

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
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

const touchSchema = z
  .object({
    id: z.string(),
    item: z.string(),
    type: z.enum(INTERACTION_TYPE_NAMES as [Touch["type"], ...Touch["type"][]]),
    value: z.number().nullable().describe("null where the interaction had none."),
    time: z.int(),
  })
  .meta({ id: "Touch", description: "One entry of a user's state." });

export const userStateSchema = z
  .object({
    user: z.string(),
    touches: z.array(touchSchema).describe("Newest first."),
    vetoes: z.array(touchSchema).describe("Dislikes, hides and blocks, newest first."),
    erasedAt: z.int().nullable().describe("Everything at or before this moment was erased."),
  })
  .meta({
    id: "UserState",
    description: "What the next answer to this user is computed from.",
    examples: [
      {
        user: "u1",
        touches: [{ id: "e1", item: "v42", type: "watch", value: 0.9, time: 1_790_000_000_000 }],
        vetoes: [],
        erasedAt: null,
      },
    ],
  });

export function userStateAnswer(state: UserState): Wire<z.input<typeof userStateSchema>> {
  return {
    user: state.user,
    touches: state.touches.map(touchAnswer),
    vetoes: state.vetoes.map(touchAnswer),
    erasedAt: finiteOrNull(state.erasedAt),
  };
}

function touchAnswer({ id, item, type, value, time }: Touch): Wire<z.input<typeof touchSchema>> {
  return { id, item, type, value: finiteOrNull(value), time };
}

export const receiptSchema = z
  .object({
    user: z.string(),
    time: z.int().describe("Events of the user at or before this moment count as not having happened."),
    offset: z.int(),
    touches: z.int().describe("Touches that were removed from the state."),
    bundleMayReflectUser: z
      .boolean()
      .describe(
        "Whether the bundle in service was trained while the user's events were in the log: train again.",
      ),
  })
  .meta({
    id: "ErasureReceipt",
    description: "What was forgotten.",
    examples: [
      { user: "u1", time: 1_790_000_000_000, offset: 240_119, touches: 12, bundleMayReflectUser: true },
    ],
  });

export function receiptAnswer(receipt: ErasureReceipt): Wire<z.input<typeof receiptSchema>> {
  return receipt;
}

export const healthSchema = z
  .object({ status: z.literal("ok") })
  .meta({ id: "Health", description: "The process answers." });

export const readinessSchema = z
  .object({
    ready: z.boolean(),
    checks: z
      .array(
        z.object({
          name: z.string(),
          level: z.enum(["ok", "warning", "failure"]),
          message: z.string(),
          cure: z.string().optional(),
        }),
      )
      .describe("All checks where it is ready, the failing ones where it is not."),
  })
  .meta({
    id: "Readiness",
    description: "Whether to send traffic, and why not.",
    examples: [{ ready: true, checks: [{ name: "log", level: "ok", message: "The log can be written." }] }],
  });

export function readinessAnswer(
  ready: boolean,
  checks: readonly Check[],
): Wire<z.input<typeof readinessSchema>> {
  return { ready, checks };
}
