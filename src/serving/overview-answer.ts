/** Looks at what there is, on the wire: the system, its items, the users who came last, what is shown of the catalogue. */
import { z } from "zod";
import { itemFactsSchema } from "../events/index.ts";
import type { Exposure, FeaturesNow, ItemOverview, NewestSlates, RecentUser } from "../pipeline/index.ts";
import { STAGES, type Status } from "../pipeline/recommender.ts";
import { finiteOrNull, type Wire } from "./wire.ts";

export const statusSchema = z
  .object({
    ready: z.boolean(),
    checks: z.array(
      z.object({
        name: z.string(),
        level: z.enum(["ok", "warning", "failure"]),
        message: z.string(),
        cure: z.string().optional(),
      }),
    ),
    log: z.object({
      first: z.int(),
      end: z.int().describe("Events in the log."),
      tail: z.string().nullable(),
      bytes: z.int(),
    }),
    catalog: z.object({ items: z.int(), live: z.int(), withoutFacts: z.int(), engagements: z.number() }),
    state: z.object({
      store: z.string(),
      applied: z.int(),
      behind: z.int().describe("Events that the store does not have yet; requests see them all the same."),
    }),
    bundle: z.object({ id: z.string(), trainedAt: z.int(), logOffset: z.int() }).nullable(),
    settings: z.object({
      budgetMs: z.number(),
      candidates: z.int(),
      perSource: z.int(),
      stageEnds: z
        .partialRecord(z.enum(STAGES), z.number())
        .describe("By when a stage has to be over, as a share of the budget."),
      sources: z.array(z.string()),
      heads: z.array(z.object({ name: z.string(), weight: z.number() })),
    }),
  })
  .meta({
    id: "Status",
    description: "The figures of the system, what is wrong with it, and what it runs with.",
  });

export function statusAnswer(status: Status): Wire<z.input<typeof statusSchema>> {
  return status;
}

export const itemsSchema = z
  .object({
    items: z.array(
      z.object({
        item: z.string(),
        live: z.boolean().describe("Whether it may be recommended: known and not removed."),
        facts: itemFactsSchema.optional(),
        bornAt: z
          .number()
          .nullable()
          .describe("From when its age counts: when it was published or, where unknown, first seen."),
        engagements: z.number(),
        vetoes: z.number(),
        shown: z.number().describe("Slots of slates that it had."),
        answered: z.number().describe("How many of them were answered by a click or a watch."),
        watched: z.number().nullable().describe("Mean share watched; null where no watch told it."),
      }),
    ),
  })
  .meta({
    id: "Items",
    description: "Items with what was counted of them.",
    examples: [
      {
        items: [
          {
            item: "v42",
            live: true,
            facts: { title: "How glass is made" },
            bornAt: 1_790_000_000_000,
            engagements: 31,
            vetoes: 0,
            shown: 240,
            answered: 29,
            watched: 0.62,
          },
        ],
      },
    ],
  });

export function itemsAnswer(items: readonly ItemOverview[]): Wire<z.input<typeof itemsSchema>> {
  return { items: items.map((item) => ({ ...item, bornAt: finiteOrNull(item.bornAt) })) };
}

export const usersSchema = z
  .object({
    users: z.array(
      z.object({
        user: z.string(),
        time: z.int().describe("When the newest interaction happened."),
        interactions: z.int().describe("Among the events that were looked at."),
      }),
    ),
  })
  .meta({
    id: "RecentUsers",
    description: "Users of the newest events, the one who came last first.",
    examples: [{ users: [{ user: "u1", time: 1_790_000_000_000, interactions: 3 }] }],
  });

export function usersAnswer(users: readonly RecentUser[]): Wire<z.input<typeof usersSchema>> {
  return { users };
}

export const slatesSchema = z
  .object({
    slates: z.int(),
    slots: z.int(),
    users: z
      .array(
        z.object({
          touches: z.int().nullable().describe("Upper end; null for all with more."),
          users: z.int(),
          slates: z.int(),
          slots: z.int(),
          taken: z.int().describe("Slots whose item was taken in answer to the slate."),
        }),
      )
      .describe("By how many touches their states have now."),
    items: z
      .array(
        z.object({
          engagements: z.int().nullable().describe("Upper end; null for all with more."),
          items: z.int(),
          slots: z.int(),
          taken: z.int(),
        }),
      )
      .describe("By how often the items were engaged with until now."),
    finders: z
      .array(
        z.object({
          source: z.string(),
          slots: z.int(),
          alone: z.int().describe("Those that no other source had found."),
          taken: z.int(),
        }),
      )
      .describe("Sources by the slots that they had found; of one item where that was asked."),
  })
  .meta({ id: "NewestSlates", description: "What slates among the newest 20,000 events held." });

export function slatesAnswer(slates: NewestSlates): Wire<z.input<typeof slatesSchema>> {
  return slates;
}

export const featuresSchema = z
  .object({
    readAt: z.int().describe("When the log was read for it."),
    bundle: z.string().nullable().describe("null without one: then there is nothing to compare with."),
    exposures: z.int().describe("Slates that values were taken from."),
    nextItems: z.int(),
    features: z.array(
      z.object({
        name: z.string(),
        group: z.string(),
        per: z.enum(["request", "candidate"]),
        known: z.number().describe("Share of the rows where it says something."),
        mean: z.number().nullable(),
        deviation: z.number().nullable(),
        drift: z
          .number()
          .nullable()
          .describe(
            "Population stability index against the bundle's training: below 0.1 the values are as they were, above 0.25 they are not.",
          ),
      }),
    ),
  })
  .meta({ id: "Features", description: "What rankers read, in the newest data." });

export function featuresAnswer({
  readAt,
  bundle,
  exposures,
  nextItems,
  features,
}: FeaturesNow): Wire<z.input<typeof featuresSchema>> {
  return {
    readAt,
    bundle,
    exposures,
    nextItems,
    features: features.map(({ name, group, per, known, mean, deviation, drift }) => ({
      ...{ name, group, per, known, drift },
      mean: finiteOrNull(mean),
      deviation: finiteOrNull(deviation),
    })),
  };
}

export const exposureSchema = z
  .object({
    live: z.int().describe("Items that may be recommended."),
    shown: z.int().describe("Of those, items that were ever in a slate."),
    slots: z.number(),
    gini: z.number().describe("0: every item is shown equally often; 1: one item has every slot."),
    lorenz: z
      .array(z.number())
      .describe("Shares of the slots that the least shown items have, by equal steps of the items' share."),
    ages: z.array(
      z.object({
        days: z.number().nullable().describe("Upper end; null for all older ones."),
        items: z.int(),
        shown: z.int(),
        slots: z.number(),
      }),
    ),
  })
  .meta({ id: "Exposure", description: "How what is shown is spread over the catalogue." });

export function exposureAnswer(exposure: Exposure): Wire<z.input<typeof exposureSchema>> {
  return exposure;
}
