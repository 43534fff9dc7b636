/**
 * The shape of each event at the border, once: parseEvent checks with these schemas and the HTTP API publishes them.
 *
 * `id` and `time` may be absent here (the border makes them). Each message is "expected …" and the cure; parseEvent
 * puts the place and what came before it. The one check that needs a clock (not more than a day ahead) is parseEvent's.
 */
import { z } from "zod";
import { INTERACTION_TYPE_NAMES, INTERACTION_TYPES, type InteractionType } from "./interaction-type.ts";
import { nearest } from "./nearest.ts";

export const EVENT_LIMITS = {
  /** Characters (UTF-16 units) of an id. */
  id: 256,
  /** Of a surface and of a device. */
  place: 64,
  slots: 500,
  title: 1000,
  categories: 100,
  attributes: 100,
  attributeKey: 100,
  attributeValue: 1000,
  sources: 100,
  /** Characters of JSON of a replayable request. */
  request: 65_536,
} as const;

/** No control characters, and no half of a surrogate pair, which UTF-8 cannot hold. */
const ID_PATTERN = /^[^\p{Cc}\p{Cs}]+$/u;

/** Whether `text` may be an id: 1 to 256 characters, none of them a control character or half a surrogate pair. */
export function isValidId(text: string): boolean {
  return text.length <= EVENT_LIMITS.id && ID_PATTERN.test(text);
}

/** Whether `text` may name a surface or a device: an id of at most 64 characters. */
export function isValidPlace(text: string): boolean {
  return text.length <= EVENT_LIMITS.place && ID_PATTERN.test(text);
}

const says = (text: string) => ({ error: text });

function idSchema(what: string, max: number = EVENT_LIMITS.id) {
  const error = says(
    `expected ${what}: a string of 1 to ${max} characters, well-formed and without control characters. Send it as text.`,
  );
  return z.string(error).min(1, error).max(max, error).regex(ID_PATTERN, error);
}

function textSchema(what: string, max: number) {
  const error = says(`expected ${what} of at most ${max} characters. Shorten it or leave it out.`);
  return z.string(error).max(max, error);
}

function integerSchema(what: string, min: number, cure: string) {
  const error = says(`expected ${what}. ${cure}`);
  return z.int(error).min(min, error);
}

function listSchema<T extends z.ZodType>(element: T, what: string, min: number, max: number) {
  const error = says(`expected a list of ${min} to ${max} ${what}. Leave the rest out.`);
  return z.array(element, error).min(min, error).max(max, error);
}

/** An object with these keys and no other; an unknown key is answered with the nearest known one. */
function closedObject<T extends z.core.$ZodShape>(shape: T, what: string) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return `expected ${what} as an object. Send {…}.`;
      const key = String((issue as z.core.$ZodIssueUnrecognizedKeys).keys[0]);
      const close = nearest(key, known);
      const cure = close === undefined ? "Remove it." : `Did you mean "${close}"?`;
      return `expected only the keys ${known.join(", ")} of ${what}. ${cure}`;
    },
  });
}

const EPOCH = "milliseconds since 1970-01-01 UTC as an integer >= 0";

const base = {
  id: idSchema("an event id").optional(),
  time: integerSchema(EPOCH, 0, "Send what Date.now() gives, or leave it out for now.").optional(),
};

const VALUE_RULES = {
  none: { max: -1, says: "no value for this type. Leave value out." },
  share: {
    max: 1,
    says: "the share watched, 0 to 1. Divide the seconds watched by the duration, or leave value out.",
  },
  rating: { max: 10, says: "a rating of 0 to 10. Bring it to that scale." },
  amount: { max: Number.MAX_VALUE, says: "an amount >= 0. Send what was paid, or leave value out." },
} as const;

/** What is wrong with `value` for an interaction of this type, as "expected …" and the cure; undefined where it fits. */
export function valueProblem(type: InteractionType, value: number): string | undefined {
  const rule = VALUE_RULES[INTERACTION_TYPES[type].value];
  return value >= 0 && value <= rule.max ? undefined : `expected ${rule.says}`;
}

const FINITE = says("expected a finite number. Send a number or leave it out.");

export const interactionSchema = closedObject(
  {
    kind: z.literal("interaction"),
    ...base,
    user: idSchema("a user id"),
    item: idSchema("an item id"),
    type: z.enum(INTERACTION_TYPE_NAMES, {
      error: (issue) => {
        const close =
          typeof issue.input === "string" ? nearest(issue.input, INTERACTION_TYPE_NAMES) : undefined;
        const cure = close === undefined ? "Choose the closest of them." : `Did you mean "${close}"?`;
        return `expected one of ${INTERACTION_TYPE_NAMES.join(", ")}. ${cure}`;
      },
    }),
    value: z.number(FINITE).optional(),
    request: idSchema("a request id").optional(),
    surface: idSchema("a surface", EVENT_LIMITS.place).optional(),
  },
  "an interaction",
).check((context) => {
  const { type, value } = context.value;
  if (value === undefined) return;
  const message = valueProblem(type, value);
  if (message !== undefined) context.issues.push({ code: "custom", path: ["value"], input: value, message });
});

const slotSchema = closedObject(
  {
    item: idSchema("an item id"),
    position: integerSchema("a 0-based position in the slate", 0, "Count from 0."),
    score: z.number(FINITE).optional(),
    propensity: z
      .number(FINITE)
      .gt(0, says("expected a probability above 0 and at most 1. Leave it out where it is not known."))
      .max(1, says("expected a probability above 0 and at most 1. Leave it out where it is not known."))
      .optional(),
    sources: listSchema(idSchema("a source name"), "source names", 0, EVENT_LIMITS.sources).optional(),
  },
  "a slot",
);

const contextSchema = closedObject(
  {
    offset: integerSchema("an offset of the log >= 0", 0, "Send the offset that the response gave."),
    request: z.unknown().refine(isBoundedJson, {
      error: `expected JSON of at most ${EVENT_LIMITS.request} characters. Leave context out.`,
    }),
    fingerprint: idSchema("a feature fingerprint"),
  },
  "an impression's context",
);

export const impressionSchema = closedObject(
  {
    kind: z.literal("impression"),
    ...base,
    user: idSchema("a user id"),
    request: idSchema("a request id"),
    slots: listSchema(slotSchema, "slots", 1, EVENT_LIMITS.slots),
    model: idSchema("a model name").optional(),
    rung: idSchema("a rung name").optional(),
    surface: idSchema("a surface", EVENT_LIMITS.place).optional(),
    device: idSchema("a device", EVENT_LIMITS.place).optional(),
    context: contextSchema.optional(),
  },
  "an impression",
).check((context) => {
  const seen = new Set<number>();
  for (const [index, slot] of context.value.slots.entries()) {
    if (seen.has(slot.position)) {
      const message = "expected each position once in a slate. Number the slots 0, 1, 2, ….";
      const path = ["slots", index, "position"];
      context.issues.push({ code: "custom", path, input: slot.position, message });
      return;
    }
    seen.add(slot.position);
  }
});

const FACT = says(
  `expected a string of at most ${EVENT_LIMITS.attributeValue} characters, a finite number or a boolean. Flatten it.`,
);
const FACTS_OBJECT = says("expected an object of named facts. Send {…}.");

const factsRecord = z
  .record(
    z
      .string()
      .min(1)
      .max(EVENT_LIMITS.attributeKey)
      .refine((key) => key !== "__proto__"),
    z.union([z.string().max(EVENT_LIMITS.attributeValue), z.number(), z.boolean()], FACT),
    {
      error: (issue) =>
        issue.code === "invalid_key"
          ? `expected names of 1 to ${EVENT_LIMITS.attributeKey} characters. Rename it.`
          : FACTS_OBJECT.error,
    },
  )
  .refine((facts) => Object.keys(facts).length <= EVENT_LIMITS.attributes, {
    error: `expected at most ${EVENT_LIMITS.attributes} named facts. Leave the rest out.`,
  });

export const itemFactsSchema = closedObject(
  {
    title: textSchema("a title", EVENT_LIMITS.title).optional(),
    creator: idSchema("a creator").optional(),
    categories: listSchema(idSchema("a category"), "categories", 0, EVENT_LIMITS.categories).optional(),
    duration: z
      .number(says("expected seconds >= 0. Send a number or leave it out."))
      .min(0, says("expected seconds >= 0. Leave it out where it is not known."))
      .optional(),
    publishedAt: integerSchema(
      "milliseconds since 1970-01-01 UTC as an integer",
      -8.64e15,
      "Send what Date.parse() gives.",
    ).optional(),
    attributes: factsRecord.optional(),
  },
  "an item's facts",
);

export const itemUpsertSchema = closedObject(
  { kind: z.literal("item"), ...base, item: idSchema("an item id"), facts: itemFactsSchema },
  "an item",
);

export const itemRemovalSchema = closedObject(
  { kind: z.literal("item-removal"), ...base, item: idSchema("an item id") },
  "an item removal",
);

export const userUpsertSchema = closedObject(
  { kind: z.literal("user"), ...base, user: idSchema("a user id"), facts: factsRecord },
  "a user",
);

export const erasureSchema = closedObject(
  { kind: z.literal("erasure"), ...base, user: idSchema("a user id") },
  "an erasure",
);

/** The schema of each kind. */
export const EVENT_SCHEMAS = {
  interaction: interactionSchema,
  impression: impressionSchema,
  item: itemUpsertSchema,
  "item-removal": itemRemovalSchema,
  user: userUpsertSchema,
  erasure: erasureSchema,
} as const;

/** Any event, for the API's description. */
export const eventSchema = z.discriminatedUnion("kind", [
  interactionSchema,
  impressionSchema,
  itemUpsertSchema,
  itemRemovalSchema,
  userUpsertSchema,
  erasureSchema,
]);

/** JSON.stringify refuses cycles, and nesting deeper than the stack, by throwing. */
function isBoundedJson(value: unknown): boolean {
  try {
    return (JSON.stringify(value) ?? "").length <= EVENT_LIMITS.request;
  } catch {
    return false;
  }
}
