/**
 * The everyday event, checked by hand: an interaction as a plain object whose every key is known and right.
 *
 * Schema and event took a third of what a server needs for an event; this takes a tenth of that. It says yes or
 * nothing: whatever it does not take, right or wrong, is the schema's to judge (event-schema.ts), so that there is one
 * source of rules and messages. A property test holds the two together.
 */
import type { EpochMs, EventId, ItemId, RequestId, UserId } from "../core/index.ts";
import type { Interaction } from "./event.ts";
import { EVENT_LIMITS, isValidId, isValidPlace, valueProblem } from "./event-schema.ts";
import { INTERACTION_TYPES, type InteractionType } from "./interaction-type.ts";

/** What the border adds where the sender left it out. */
export interface Stamps {
  readonly now: EpochMs;
  /** Makes the id of an event that came without one. */
  readonly makeId: () => EventId;
}

/** The event of `input`, or undefined where this check does not take it. @param latest the latest time taken */
export function plainInteraction(
  input: object,
  { now, makeId }: Stamps,
  latest: number,
): Interaction | undefined {
  if (Object.getPrototypeOf(input) !== Object.prototype) return undefined;
  for (const key in input) if (!KEYS.has(key)) return undefined;
  const { kind, id, time, user, item, type, value, request, surface } = input as Partial<
    Record<string, unknown>
  >;
  if (kind !== "interaction" && kind !== undefined) return undefined;
  if (!isId(user) || !isId(item) || !isType(type)) return undefined;
  if (id !== undefined && !isId(id)) return undefined;
  if (time !== undefined && !(Number.isSafeInteger(time) && (time as number) >= 0)) return undefined;
  if (((time as number | undefined) ?? now) > latest) return undefined;
  if (value !== undefined && (!Number.isFinite(value) || valueProblem(type, value as number) !== undefined)) {
    return undefined;
  }
  if (request !== undefined && !isId(request)) return undefined;
  if (surface !== undefined && !(typeof surface === "string" && isValidPlace(surface))) return undefined;
  // One order of keys, so that all events have one shape.
  const event: { -readonly [K in keyof Interaction]: Interaction[K] } = {
    kind: "interaction",
    id: (id as EventId | undefined) ?? makeId(),
    time: (time as EpochMs | undefined) ?? now,
    user: user as UserId,
    item: item as ItemId,
    type,
  };
  if (value !== undefined) event.value = value as number;
  if (request !== undefined) event.request = request as RequestId;
  if (surface !== undefined) event.surface = surface;
  return event;
}

const KEYS: ReadonlySet<string> = new Set([
  "kind",
  "id",
  "time",
  "user",
  "item",
  "type",
  "value",
  "request",
  "surface",
] satisfies (keyof Interaction)[]);

/** Printable ASCII at a glance; the rest by the pattern. */
function isId(value: unknown): value is string {
  if (typeof value !== "string" || value.length === 0) return false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return isValidId(value);
  }
  return value.length <= EVENT_LIMITS.id;
}

function isType(value: unknown): value is InteractionType {
  return typeof value === "string" && Object.hasOwn(INTERACTION_TYPES, value);
}
