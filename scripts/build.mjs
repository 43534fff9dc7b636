// Builds dist/, the console in dist/console and build/kernels.wasm where they are stale. What the last build was made of is kept as a stamp: a file
// whose time and size are those of the stamp is not even read, so a check without work costs a few milliseconds.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled, root, stop } from "./ensure.mjs";

const STAMP = join("build", "stamp.json");
const KERNELS_SCRIPT = join("scripts", "build-kernels.mjs");
const KERNELS = join("build", "kernels.wasm");
const MAIN = join("dist", "cli", "main.js");
/** The console: its sources, how they are built, and the page that comes of it. */
const CONSOLE = "console";
const CONSOLE_SETTINGS = join(CONSOLE, "vite.config.ts");
const CONSOLE_BUILT = join("dist", "console");
const CONSOLE_PAGE = join(CONSOLE_BUILT, "index.html");
/** Beside the sources: what decides how they are compiled. The lock file holds the compilers' versions. */
const SETTINGS = ["tsconfig.json", "tsconfig.build.json", "package-lock.json", KERNELS_SCRIPT];

/** Builds what is stale. Ends the process with the compiler's messages where that fails. */
export function ensureBuilt() {
  const state = stateOf(root);
  if (state.stale === null) return false;
  console.error(`build: ${state.stale}; compiling`);
  const start = performance.now();
  if (existsSync(join(root, KERNELS_SCRIPT))) run(KERNELS_SCRIPT);
  // The compiler believes its own notes: without them it writes again what was deleted from dist/.
  if (state.missing.length > 0) rmSync(join(root, "dist", ".tsbuildinfo"), { force: true });
  run(join("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json");
  removeOrphans(root);
  if (existsSync(join(root, CONSOLE_SETTINGS)) && state.consoleStale) {
    run(join("node_modules", "vite", "bin", "vite.js"), "build", "-c", CONSOLE_SETTINGS);
  }
  if (existsSync(join(root, MAIN))) chmodSync(join(root, MAIN), 0o755);
  writeStamp(root, state.inputs);
  console.error(`build: done in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return true;
}

function run(script, ...args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) stop(`build: ${script} failed; the lines above say where`);
}

/**
 * What a build of `directory` would be made of, and why it is needed (`stale`, null where it is not).
 * `inputs`: path -> [mtimeMs, bytes, sha256]. `missing`: outputs that are not there. `consoleStale`: whether the console
 * has to be built; types alone tie it to src/, so what changes there does not.
 */
export function stateOf(directory) {
  const last = readStamp(directory);
  const inputs = {};
  let changed = null;
  let consoleChanged = false;
  let touched = false;
  for (const path of inputPaths(directory)) {
    const { mtimeMs, size } = statSync(join(directory, path));
    const known = last[path];
    if (known !== undefined && known[0] === mtimeMs && known[1] === size) {
      inputs[path] = known;
      continue;
    }
    const hash = createHash("sha256")
      .update(readFileSync(join(directory, path)))
      .digest("hex");
    inputs[path] = [mtimeMs, size, hash];
    if (known?.[2] === hash) {
      touched = true;
      continue;
    }
    changed ??= known === undefined ? `${path} is new` : `${path} has changed`;
    consoleChanged ||= path.startsWith(CONSOLE + sep) || SETTINGS.includes(path);
  }
  const removed = Object.keys(last).find((path) => inputs[path] === undefined);
  const missing = outputPaths(Object.keys(inputs)).filter((path) => !existsSync(join(directory, path)));
  const stale =
    (Object.keys(last).length === 0 ? "nothing is built yet" : null) ??
    changed ??
    (removed === undefined ? null : `${removed} is gone`) ??
    (missing.length === 0 ? null : `${missing[0]} is missing`);
  // Same bytes, other time (a checkout, a copy): remembered, so that they are not read again next time.
  if (stale === null && touched) writeStamp(directory, inputs);
  const consoleRemoved = Object.keys(last).some(
    (path) => path.startsWith(CONSOLE + sep) && inputs[path] === undefined,
  );
  const consoleStale = consoleChanged || consoleRemoved || missing.includes(CONSOLE_PAGE);
  return { inputs, missing, stale, consoleStale };
}

function readStamp(directory) {
  try {
    return JSON.parse(readFileSync(join(directory, STAMP), "utf8"));
  } catch {
    return {};
  }
}

export function writeStamp(directory, inputs) {
  mkdirSync(join(directory, "build"), { recursive: true });
  writeFileSync(join(directory, STAMP), JSON.stringify(inputs));
}

function inputPaths(directory) {
  const settings = SETTINGS.filter((path) => existsSync(join(directory, path)));
  return [
    ...settings,
    ...filesBelow(directory, "src").filter((path) => path.endsWith(".ts")),
    ...filesBelow(directory, CONSOLE),
  ];
}

function outputPaths(inputs) {
  const outputs = inputs.filter(isCompiled).map(outputOf);
  if (inputs.includes(KERNELS_SCRIPT)) outputs.push(KERNELS);
  if (inputs.includes(CONSOLE_SETTINGS)) outputs.push(CONSOLE_PAGE);
  return outputs;
}

/** AssemblyScript is the kernels' business, declarations have no output. */
function isCompiled(path) {
  return path.startsWith(`src${sep}`) && !path.includes(`${sep}assembly${sep}`) && !path.endsWith(".d.ts");
}

function outputOf(source) {
  return join("dist", relative("src", source)).replace(/\.ts$/, ".js");
}

/** Removes from dist/ what no source makes any more: a deleted file must not live on in what is run and published. */
export function removeOrphans(directory) {
  const compiled = new Set(filesBelow(directory, "src").filter(isCompiled).map(outputOf));
  for (const path of filesBelow(directory, "dist")) {
    // Its builder empties it.
    if (path.startsWith(CONSOLE_BUILT + sep)) continue;
    const output = path.replace(/(\.d\.ts|\.js\.map|\.d\.ts\.map)$/, ".js");
    if (output.endsWith(".js") && !compiled.has(output)) rmSync(join(directory, path));
  }
}

/** Paths relative to `directory` of all files below its `folder`. */
function filesBelow(directory, folder) {
  if (!existsSync(join(directory, folder))) return [];
  return readdirSync(join(directory, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}

// The real path: a checkout may be reached through a link.
if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  if (!ensureBuilt()) console.error("build: up to date");
}
