/**
 * One text for one value: keys sorted, no white space. What is named by its content needs content that has one form.
 * `value` must be what JSON can hold; NaN, infinities, functions and the like are refused rather than silently lost.
 */
import { UpnextError } from "../core/index.ts";

export function canonicalJson(value: unknown, path = "manifest"): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((entry, at) => canonicalJson(entry, `${path}[${at}]`)).join(",")}]`;
  }
  if (typeof value === "object") {
    const pairs = Object.entries(value)
      // An absent key and an undefined one are the same, as for JSON.stringify.
      .filter(([, entry]) => entry !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry, `${path}.${key}`)}`);
    return `{${pairs.join(",")}}`;
  }
  throw new UpnextError(
    "invalid_request",
    `registry: ${path} must be a JSON value, got ${String(value)}; replace it by null or a finite number`,
  );
}
