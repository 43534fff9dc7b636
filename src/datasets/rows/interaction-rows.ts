/** Cells of a row into an interaction. The parsers that every format shares, so a bad row is bad in the same words everywhere. */
import { DAY, type EpochMs, type EventId, type ItemId, type UserId } from "../../core/index.ts";
import {
  INTERACTION_TYPE_NAMES,
  INTERACTION_TYPES,
  type Interaction,
  type InteractionType,
  valueProblem,
} from "../../events/index.ts";
import { contentId } from "../content-id.ts";
import { idProblem, isAbsent, parseId, parseNumber, shown } from "./cells.ts";
import { parseTime, TIME_UNITS, type TimeUnit } from "./timestamps.ts";

/** What is the same for all rows of a file. */
export interface RowRules {
  readonly unit: TimeUnit;
  /** Type of rows without a type. */
  readonly type: InteractionType;
  /** Times after it are bad: a day after the import. */
  readonly latest: number;
}

export function rowRules(unit: TimeUnit, type: InteractionType, now: EpochMs): RowRules {
  return { unit, type, latest: now + DAY };
}

/** An interaction, or why the row is bad. An absent `type` takes the rule's; an absent value leaves it out. */
export function toInteraction(
  user: unknown,
  item: unknown,
  time: unknown,
  type: unknown,
  value: unknown,
  rules: RowRules,
): Interaction | string {
  const userId = parseId(user);
  if (userId === undefined) return `user ${idProblem(user)}`;
  const itemId = parseId(item);
  if (itemId === undefined) return `item ${idProblem(item)}`;
  const at = parseTime(time, rules.unit);
  if (!(at >= 0 && at <= rules.latest)) return timeProblem(time, at, rules);
  const kind = isAbsent(type) ? rules.type : parseType(type);
  if (kind === undefined)
    return `type: expected one of ${INTERACTION_TYPE_NAMES.join(", ")}; got ${shown(type)}`;
  if (INTERACTION_TYPES[kind].value === "none" || isAbsent(value))
    return interaction(userId, itemId, at, kind);
  const number = parseNumber(value);
  if (Number.isNaN(number)) return `value: expected a finite number; got ${shown(value)}`;
  const problem = valueProblem(kind, number);
  if (problem !== undefined) return `value of a ${kind}: ${problem} Got ${number}`;
  return interaction(userId, itemId, at, kind, number);
}

/** An interaction with its content id, of parsed parts. */
export function interaction(
  user: string,
  item: string,
  time: number,
  type: InteractionType,
  value?: number,
): Interaction {
  const id = contentId("interaction", user, item, time, INTERACTION_TYPES[type].code, value) as EventId;
  const at = time as EpochMs;
  // Two literals: spreading one into the other costs a quarter of an import.
  return value === undefined
    ? { kind: "interaction", id, time: at, user: user as UserId, item: item as ItemId, type }
    : { kind: "interaction", id, time: at, user: user as UserId, item: item as ItemId, type, value };
}

const TYPES = new Map<string, InteractionType>(INTERACTION_TYPE_NAMES.map((name) => [name, name]));

function parseType(cell: unknown): InteractionType | undefined {
  if (typeof cell !== "string") return undefined;
  return TYPES.get(cell) ?? TYPES.get(cell.trim().toLowerCase());
}

export function timeProblem(cell: unknown, at: number, rules: RowRules): string {
  const expected = `expected ${TIME_UNITS[rules.unit].about}, as in the first rows`;
  if (Number.isNaN(at)) return `time: ${expected}; got ${shown(cell)}`;
  const side = at < 0 ? "before 1970" : "more than a day in the future";
  return `time is ${side}; ${expected}; got ${shown(cell)}`;
}
