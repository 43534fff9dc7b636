/** Parsers of option values; what they refuse is a wrong call, with the option's name before their message. */
import { InvalidArgumentError } from "commander";
import { type EpochMs, type Ms, parseDuration } from "../core/index.ts";

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

export function duration(text: string): Ms {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError("Expected a duration: 90s, 30m or 1h.");
}

/** Milliseconds since 1970. */
export function moment(text: string): EpochMs {
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isSafeInteger(ms)) return ms as EpochMs;
  throw new InvalidArgumentError("Expected a time: 2026-03-01T12:00:00Z, or milliseconds since 1970.");
}

export function device(text: string): "cpu" | "webgpu" {
  if (text === "cpu" || text === "webgpu") return text;
  throw new InvalidArgumentError("Expected cpu or webgpu.");
}

/** Ids are texts without control characters; the shell may have taken one away, so an empty one is told. */
export function id(text: string): string {
  if (text.length > 0 && text.length <= 256 && !/\p{Cc}/u.test(text)) return text;
  throw new InvalidArgumentError("Expected an id of 1 to 256 characters.");
}

/** The name of a surface or of a device. */
export function place(text: string): string {
  if (text.length > 0 && text.length <= 64 && !/\p{Cc}/u.test(text)) return text;
  throw new InvalidArgumentError("Expected 1 to 64 characters.");
}
