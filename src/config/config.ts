/** The configuration: what a user writes (`UpnextConfig`), and what the system reads (`ResolvedConfig`). */
import type { z } from "zod";
import { UpnextError } from "../core/index.ts";
import { configSchema, type StateSection } from "./schema.ts";

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

/** What upnext.config.ts exports: every key may be left out. */
export type UpnextConfig = Frozen<
  Omit<z.input<typeof configSchema>, "state"> & {
    /** A store's name, or what `redis()`, `redisCluster()` and `dynamodb()` return, with any of its other keys. */
    state?: "lmdb" | "memory" | StateSection;
  }
>;
/** The same with all defaults filled in and every value checked. */
export type ResolvedConfig = Frozen<z.output<typeof configSchema>>;

/** Gives a configuration file its types: `export default defineConfig({ … })`. */
export function defineConfig(config: UpnextConfig): UpnextConfig {
  return config;
}

/**
 * Fills in the defaults. Throws `invalid_config`, naming every wrong place.
 *
 * @param where what the messages call the configuration: its path, or "config"
 */
export function resolveConfig(config: unknown = {}, where = "config"): ResolvedConfig {
  const { data, error } = configSchema.safeParse(config);
  if (data !== undefined) return data;
  const problems = error.issues.map((issue) => problemOf(issue, config));
  const message =
    problems.length === 1
      ? `${where}: ${problems[0]}`
      : `${where} has ${problems.length} problems:${problems.map((problem) => `\n  ${problem}`).join("")}`;
  throw new UpnextError("invalid_config", message);
}

/** `server.port: got "80", expected a port from 0 to 65535` */
function problemOf(issue: z.core.$ZodIssue, config: unknown): string {
  const path = [...issue.path];
  let came: unknown = config;
  // A text stands for a section in its short form.
  for (const part of path) if (typeof came !== "string") came = Object(came)[part];
  // An unknown key is the place itself.
  if (issue.code === "unrecognized_keys") {
    path.push(issue.keys[0]!);
    return `${placeOf(path)}: not a known key, ${issue.message}`;
  }
  return `${placeOf(path)}: got ${describe(came, !isSecret(path))}, ${issue.message}`;
}

/** API keys, and URLs that may hold a password. */
function isSecret([section, key]: readonly PropertyKey[]): boolean {
  return key === "apiKeys" || (section === "state" && (key === "url" || key === "nodes"));
}

function placeOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "the whole";
  const parts = path.map((part) =>
    typeof part === "number" ? `[${part}]` : `.${String(part).slice(0, 64)}`,
  );
  return parts.join("").replace(/^\./, "");
}

/** What came; never the text of a secret. */
function describe(came: unknown, shown: boolean): string {
  if (came === undefined) return "nothing";
  if (came === null) return "null";
  if (Array.isArray(came)) return `a list of ${came.length}`;
  if (typeof came === "object") return "an object";
  if (typeof came === "number" || typeof came === "boolean") return String(came);
  if (typeof came === "string" && shown && came.length <= 64) return JSON.stringify(came);
  return `a ${typeof came}`;
}
