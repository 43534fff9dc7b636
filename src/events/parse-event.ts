/**
 * The border: whatever came in becomes a valid event or a problem that says where, what came, what was expected and
 * the cure. Nothing is coerced; the result shares no object with the input. Values of ids and facts never enter a
 * message.
 */
import type { z } from "zod";
import type { BundleId, EpochMs, EventId, ItemId, RequestId, Result, UserId } from "../core/index.ts";
import { DAY } from "../core/index.ts";
import type { Event, EventKind, Impression, Interaction, ItemFacts, UserFacts } from "./event.ts";
import {
  EVENT_SCHEMAS,
  erasureSchema,
  impressionSchema,
  interactionSchema,
  itemRemovalSchema,
  itemUpsertSchema,
  userUpsertSchema,
} from "./event-schema.ts";
import { nearest } from "./nearest.ts";
import { plainInteraction, type Stamps } from "./plain-interaction.ts";

export interface ParseContext extends Stamps {
  /** Name of the place for messages, such as `events[3]`; "event" when absent. */
  readonly where?: string;
}

const KINDS = Object.keys(EVENT_SCHEMAS) as readonly EventKind[];

/** A valid event from unknown input. Missing `id`, `time`, and the kind of an interaction are filled in. */
export function parseEvent(input: unknown, context: ParseContext): Result<Event> {
  const where = context.where ?? "event";
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return problem(where, input, "expected an event as an object. Send {…}.");
  }
  const latest = context.now + DAY;
  const everyday = plainInteraction(input, context, latest);
  if (everyday !== undefined) return { ok: true, value: everyday };
  const polluted = pollutedPath(input as Shallow);
  if (polluted !== undefined) {
    return problem(`${where}${polluted}`, "__proto__", 'expected no key "__proto__". Remove it.', true);
  }
  const { kind } = input as Shallow;
  const named = kind === undefined && looksLikeInteraction(input as Shallow);
  const given = named ? { ...input, kind: "interaction" } : input;
  const parse = named ? PARSERS.interaction : parserOf(kind);
  if (parse === undefined) return problem(`${where}.kind`, kind, kindMessage(kind), true);
  const parsed = parse(given, context);
  if ("issues" in parsed) return fromIssue(parsed, given, where);
  if (parsed.time > latest) {
    const expected = "expected a time at most one day ahead of now. Send milliseconds, and check the clock.";
    return problem(`${where}.time`, parsed.time, expected, true);
  }
  return { ok: true, value: parsed };
}

type Parser = (input: unknown, context: ParseContext) => Event | z.core.$ZodError;

/** Each parser: the schema, then an event of one fixed key order. Spreading an object into an interaction took six times what the schema takes. */
const PARSERS: Readonly<Record<EventKind, Parser>> = {
  interaction(input, context) {
    const { data, error } = interactionSchema.safeParse(input);
    if (data === undefined) return error;
    const event: { -readonly [K in keyof Interaction]: Interaction[K] } = {
      kind: "interaction",
      id: idOf(data, context),
      time: timeOf(data, context),
      user: data.user as UserId,
      item: data.item as ItemId,
      type: data.type,
    };
    if (data.value !== undefined) event.value = data.value;
    if (data.request !== undefined) event.request = data.request as RequestId;
    if (data.surface !== undefined) event.surface = data.surface;
    return event;
  },
  impression(input, context) {
    const { data, error } = impressionSchema.safeParse(input);
    if (data === undefined) return error;
    return {
      kind: "impression",
      id: idOf(data, context),
      time: timeOf(data, context),
      user: data.user as UserId,
      request: data.request as RequestId,
      // The schema has checked every field; the brands of the ids are all that it cannot know.
      slots: data.slots.map(withoutUndefined) as unknown as Impression["slots"],
      ...(data.model === undefined ? {} : { model: data.model as BundleId }),
      ...(data.rung === undefined ? {} : { rung: data.rung }),
      ...(data.surface === undefined ? {} : { surface: data.surface }),
      ...(data.device === undefined ? {} : { device: data.device }),
      ...(data.context === undefined ? {} : { context: data.context as NonNullable<Impression["context"]> }),
    };
  },
  item(input, context) {
    const { data, error } = itemUpsertSchema.safeParse(input);
    if (data === undefined) return error;
    // As above: checked, but for the brand of a time.
    const facts = withoutUndefined(data.facts) as unknown as ItemFacts;
    return {
      kind: "item",
      id: idOf(data, context),
      time: timeOf(data, context),
      item: data.item as ItemId,
      facts,
    };
  },
  "item-removal"(input, context) {
    const { data, error } = itemRemovalSchema.safeParse(input);
    if (data === undefined) return error;
    return {
      kind: "item-removal",
      id: idOf(data, context),
      time: timeOf(data, context),
      item: data.item as ItemId,
    };
  },
  user(input, context) {
    const { data, error } = userUpsertSchema.safeParse(input);
    if (data === undefined) return error;
    return {
      kind: "user",
      id: idOf(data, context),
      time: timeOf(data, context),
      user: data.user as UserId,
      facts: data.facts as UserFacts,
    };
  },
  erasure(input, context) {
    const { data, error } = erasureSchema.safeParse(input);
    if (data === undefined) return error;
    return {
      kind: "erasure",
      id: idOf(data, context),
      time: timeOf(data, context),
      user: data.user as UserId,
    };
  },
};

interface Stamp {
  readonly id?: string | undefined;
  readonly time?: number | undefined;
}

function idOf(data: Stamp, context: ParseContext): EventId {
  return data.id === undefined ? context.makeId() : (data.id as EventId);
}

function timeOf(data: Stamp, context: ParseContext): EpochMs {
  return (data.time ?? context.now) as EpochMs;
}

function parserOf(kind: unknown): Parser | undefined {
  return typeof kind === "string" && Object.hasOwn(PARSERS, kind) ? PARSERS[kind as EventKind] : undefined;
}

/** The places where a key could matter to this parser; slots and contexts refuse unknown keys anyway. */
interface Shallow {
  readonly [key: string]: unknown;
  readonly kind?: unknown;
  readonly facts?: unknown;
}

function looksLikeInteraction(input: Shallow): boolean {
  return "user" in input && "item" in input && "type" in input;
}

/** JSON.parse makes "__proto__" an own key, and zod skips it in records: looked for before zod sees the input. */
function pollutedPath(input: Shallow): string | undefined {
  if (Object.hasOwn(input, "__proto__")) return "";
  const { facts } = input;
  if (typeof facts !== "object" || facts === null) return undefined;
  if (Object.hasOwn(facts, "__proto__")) return ".facts";
  const attributes = (facts as { readonly attributes?: unknown }).attributes;
  if (typeof attributes !== "object" || attributes === null) return undefined;
  return Object.hasOwn(attributes, "__proto__") ? ".facts.attributes" : undefined;
}

function withoutUndefined<T extends object>(data: T): T {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined)) as T;
}

function kindMessage(kind: unknown): string {
  const close = typeof kind === "string" ? nearest(kind, KINDS) : undefined;
  const cure = close === undefined ? "Name the kind of the event." : `Did you mean "${close}"?`;
  return `expected one of ${KINDS.join(", ")}. ${cure}`;
}

/** The first issue: mending it often mends the rest. */
function fromIssue(error: z.core.$ZodError, input: unknown, where: string): Result<never> {
  const issue = error.issues[0]!;
  let place = where;
  let came: unknown = input;
  for (const part of issue.path) {
    place +=
      typeof part === "number"
        ? `[${part}]`
        : /^[\w-]{1,64}$/.test(String(part))
          ? `.${String(part)}`
          : "[…]";
    came =
      typeof came === "object" && came !== null ? (came as Record<PropertyKey, unknown>)[part] : undefined;
  }
  if (issue.code === "unrecognized_keys") {
    return problem(place, issue.keys[0], issue.message, true);
  }
  return problem(place, came, issue.message, SHOWN.has(String(issue.path.at(-1))));
}

function problem(where: string, came: unknown, expected: string, shown = false): Result<never> {
  const message = `${where}: got ${describe(came, shown)}, ${expected}`;
  return { ok: false, problem: { code: "invalid_event", message } };
}

/** Keys whose values say nothing about a person. */
const SHOWN = new Set(
  "kind type time value position score propensity duration publishedAt offset rung".split(" "),
);

/** What came; its value only where `shown`. */
function describe(came: unknown, shown: boolean): string {
  if (came === undefined) return "nothing";
  if (came === null) return "null";
  if (Array.isArray(came)) return `a list of ${came.length}`;
  if (typeof came === "object") return "an object";
  if (typeof came === "string") {
    return shown && came.length <= 64 ? JSON.stringify(came) : `a string of ${came.length} characters`;
  }
  if (typeof came === "number" && (shown || !Number.isFinite(came))) return String(came);
  return `a ${typeof came}`;
}
