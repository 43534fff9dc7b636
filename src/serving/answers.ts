/**
 * What the API answers, as schemas: the OpenAPI description and the compiled serialisers both come from these. Each
 * function takes a type of the pipeline to the type on the wire, so the compiler sees where they part. The larger
 * answers are in recommendation-answer.ts.
 */
import { z } from "zod";
import { ERRORS, type ErrorCode } from "../core/index.ts";
import { INTERACTION_TYPE_NAMES } from "../events/index.ts";
import type { Check, ErasureReceipt, TrackResult } from "../pipeline/recommender.ts";
import type { Touch, UserState } from "../state/index.ts";
import { finiteOrNull, type Wire } from "./wire.ts";

const CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
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
    forgotten: z.int().describe("Events of users who were forgotten at or after their time; not taken."),
  })
  .meta({
    id: "Appended",
    description: "The events are durable and reflected.",
    examples: [{ offset: 240_118, accepted: 1, duplicates: 0, forgotten: 0 }],
  });

export function appendAnswer(result: TrackResult): Wire<z.input<typeof appendSchema>> {
  return result;
}

const touchSchema = z
  .object({
    id: z.string(),
    item: z.string(),
    type: z.enum(INTERACTION_TYPE_NAMES as [Touch["type"], ...Touch["type"][]]),
    value: z.number().nullable().describe("null where the interaction had none."),
    time: z.int(),
    surface: z.string().optional().describe("Where it happened, if the interaction said so."),
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

function touchAnswer(touch: Touch): Wire<z.input<typeof touchSchema>> {
  return { ...touch, value: finiteOrNull(touch.value) };
}

export const receiptSchema = z
  .object({
    user: z.string(),
    time: z.int().describe("Events of the user at or before this moment count as not having happened."),
    offset: z
      .int()
      .describe("The log has the erasure from here on. It names the user, and is all that is left."),
    state: z.object({
      store: z.string(),
      touches: z.int().nullable().describe("Removed from the store; null where it could not be asked."),
      done: z.boolean().describe("Where not, the store gets the erasure when it answers again."),
    }),
    log: z.object({
      events: z.int().describe("Events whose user, id and values were taken out of the log."),
      files: z.int().describe("Files that were written anew for it."),
    }),
    snapshots: z.int().describe("Snapshots that were written anew or removed."),
    bundles: z
      .array(z.string())
      .describe(
        "Trained while the user's events were in the log: train again, and what they learned is gone.",
      ),
  })
  .meta({
    id: "ErasureReceipt",
    description: "What was forgotten.",
    examples: [
      {
        user: "u1",
        time: 1_790_000_000_000,
        offset: 240_119,
        state: { store: "lmdb", touches: 12, done: true },
        log: { events: 31, files: 2 },
        snapshots: 1,
        bundles: ["9b1d5f0c2a7e4d63"],
      },
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
