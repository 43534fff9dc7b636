/** Parsers of option values; what they refuse is a wrong call, with the option's name before their message. */
import { InvalidArgumentError } from "commander";

export function integerFrom(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected an integer from ${min} to ${max}.`);
  };
}

export const port = integerFrom(0, 65_535);

export function share(text: string): number {
  const value = Number(text);
  if (/^\d*\.?\d+$/.test(text) && value <= 1) return value;
  throw new InvalidArgumentError("Expected a share from 0 to 1.");
}

/** A moment: ISO 8601, UTC where no zone is given. Milliseconds since 1970. */
export function moment(text: string): number {
  const day = /^\d{4}-\d\d-\d\d(T[\d:.]+)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (day !== null) {
    const [, time = "T00:00", zone = "Z"] = day;
    const value = Date.parse(`${text.slice(0, 10)}${time}${zone}`);
    if (!Number.isNaN(value)) return value;
  }
  throw new InvalidArgumentError("Expected a moment such as 2026-05-01 or 2026-05-01T12:00+02:00.");
}

/** Ids are texts without control characters; the shell may have taken one away, so an empty one is told. */
export function id(text: string): string {
  if (text.length > 0 && text.length <= 256 && !/\p{Cc}/u.test(text)) return text;
  throw new InvalidArgumentError("Expected an id of 1 to 256 characters.");
}
