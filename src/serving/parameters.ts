/**
 * The building blocks of request schemas: each parses one kind of value, from a body or from the text of a query, and
 * knows the sentence of what it expects.
 */
import { z } from "zod";
import { EVENT_LIMITS, isValidId, isValidPlace } from "../events/index.ts";

const says = (text: string) => ({ error: text });

/**
 * What the check has established, as a type of ours. No transformation of zod's: with one it holds examples back from
 * the description, and copies every element.
 */
function checked<Given, Ours extends Given>(schema: z.ZodType<Given, Given>): z.ZodType<Ours, Given> {
  return schema as z.ZodType<unknown, Given> as z.ZodType<Ours, Given>;
}

/** An id of space `T`. */
export function idOf<T extends string>(what: string): z.ZodType<T, string> {
  const error = says(`expected ${what}: 1 to ${EVENT_LIMITS.id} characters without control characters`);
  return checked(z.string(error).min(1, error).max(EVENT_LIMITS.id, error).refine(isValidId, error));
}

/** Where or on what something is shown. */
export function placeOf(what: string) {
  const error = says(`expected ${what}: 1 to ${EVENT_LIMITS.place} characters without control characters`);
  return z.string(error).min(1, error).max(EVENT_LIMITS.place, error).refine(isValidPlace, error);
}

/** A list of at most `max` elements. */
export function listOf<T extends z.ZodType>(element: T, what: string, max: number) {
  const error = says(`expected a list of at most ${max} ${what}`);
  return z.array(element, error).max(max, error);
}

/** Which numbers a parameter takes, as a sentence. */
function range(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER
    ? `expected an integer of at least ${min}`
    : `expected an integer from ${min} to ${max}`;
}

/** An integer within a range, of the branded type `T`. */
export function integerOf<T extends number>(
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): z.ZodType<T, number> {
  const error = says(range(min, max));
  return checked(z.int(error).min(min, error).max(max, error));
}

export function booleanOf() {
  return z.boolean(says("expected true or false"));
}

/** The same integer from the text of a query: digits alone, no sign, point or space. */
export function queryInteger<T extends number>(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const message = range(min, max);
  return z
    .string(says(message))
    .transform((text, context) => {
      const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= min && value <= max) return value as T;
      context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    })
    .meta({ type: "integer", minimum: min, maximum: max });
}

export function queryBoolean() {
  const message = "expected true or false";
  return z
    .enum(["true", "false"], says(message))
    .transform((text) => text === "true")
    .meta({ type: "boolean", enum: [true, false] });
}

/** Elements separated by commas. What has a comma in itself goes into the body of the POST. */
export function queryList<T extends string>(what: string, max: number) {
  const message = `expected at most ${max} ${what}, separated by commas`;
  return z.string(says(message)).transform((text, context) => {
    const elements = text.split(",");
    if (elements.length <= max && elements.every((id) => id !== "" && isValidId(id)))
      return elements as string[] as T[];
    context.issues.push({ code: "custom", message, input: text });
    return z.NEVER;
  });
}
