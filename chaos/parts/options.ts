/** The options of a chaos command: `--kills 20 --only ingest,erasure`. */
import { parseArgs } from "node:util";
import { UpnextError } from "../../src/core/index.ts";

/** What a command takes, by name, with the defaults; every value comes and goes as text or a whole number. */
type Defaults = Readonly<Record<string, number | string>>;
type Options<D extends Defaults> = { readonly [K in keyof D]: D[K] extends number ? number : string };

/** Throws `invalid_request` for a name that is not in `defaults`, and for text where a number is wanted. */
export function optionsOf<D extends Defaults>(args: readonly string[], defaults: D): Options<D> {
  const names = Object.keys(defaults);
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" }] as const));
  let values: Readonly<Record<string, unknown>>;
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UpnextError(
      "invalid_request",
      `options: expected ${names.map((name) => `--${name}`).join(", ")}; ${reason}`,
    );
  }
  const chosen = Object.entries(defaults).map(([name, fallback]) => {
    const given = values[name];
    if (given === undefined) return [name, fallback];
    if (typeof fallback === "string") return [name, given];
    const number = Number(given);
    if (!Number.isInteger(number) || number < 0) {
      throw new UpnextError("invalid_request", `--${name}: expected a whole number, got "${String(given)}"`);
    }
    return [name, number];
  });
  return Object.fromEntries(chosen) as Options<D>;
}
