/** Finds the configuration file of a directory and reads it; `.ts` and `.js` are run by jiti, without a build. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UpnextError } from "../core/index.ts";
import { type ResolvedConfig, resolveConfig } from "./config.ts";

/** In the order in which they are looked for. */
export const CONFIG_FILES = [
  "upnext.config.ts",
  "upnext.config.mts",
  "upnext.config.js",
  "upnext.config.mjs",
  "upnext.config.json",
] as const;

export interface LoadedConfig {
  /** `directory` is absolute. */
  readonly config: ResolvedConfig;
  /** The file that it came from; null where there is none and all values are defaults. */
  readonly path: string | null;
}

/**
 * Reads `path`, or else the first of CONFIG_FILES in `cwd`; defaults where there is none. Rejects with
 * `invalid_config`: a path that does not exist, a file that does not run, a key or a value that is not allowed.
 */
export async function loadConfig(cwd: string, path?: string): Promise<LoadedConfig> {
  const file = path === undefined ? find(cwd) : resolve(cwd, path);
  if (file === undefined) return { config: withDirectory(resolveConfig({}), cwd), path: null };
  if (!existsSync(file)) {
    throw new UpnextError(
      "invalid_config",
      `${file}: expected a configuration file, there is none. Write one with: upnext init`,
    );
  }
  const exported = extname(file) === ".json" ? await readJson(file) : await runModule(file);
  return { config: withDirectory(resolveConfig(exported, file), dirname(file)), path: file };
}

function find(cwd: string): string | undefined {
  return CONFIG_FILES.map((name) => join(cwd, name)).find((file) => existsSync(file));
}

function withDirectory(config: ResolvedConfig, base: string): ResolvedConfig {
  return { ...config, directory: resolve(base, config.directory) };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** The default export of a module. */
async function runModule(file: string): Promise<unknown> {
  const { createJiti } = await import("jiti");
  const jiti = createJiti(file, { fsCache: false, moduleCache: false, alias: { upnext: ownDoor() } });
  let exported: unknown;
  try {
    exported = await jiti.import(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  if (typeof exported === "object" && exported !== null && "default" in exported) return exported.default;
  throw new UpnextError(
    "invalid_config",
    `${file}: expected "export default defineConfig({ … })", the file has no default export`,
  );
}

/** `import { defineConfig } from "upnext"` works where the package is not installed beside the configuration, too. */
function ownDoor(): string {
  return fileURLToPath(new URL(`./index${extname(fileURLToPath(import.meta.url))}`, import.meta.url));
}

function unreadable(file: string, cause: unknown): UpnextError {
  const text = cause instanceof Error ? cause.message : String(cause);
  // A syntax error has its place in the second line; what follows a require stack is of no use.
  const [lines = ""] = text.split("\nRequire stack");
  const message = lines
    .split("\n")
    .slice(0, 2)
    .map((line) => line.trim())
    .join(" at ")
    .slice(0, 500);
  return new UpnextError("invalid_config", `${file}: could not be read. ${message}`, { cause });
}
