// What every command needs before it can begin: a Node that is new enough, the packages of package-lock.json, and
// dist/ as the sources say. Plain Node without dependencies, since nothing may be installed yet.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

// The first Node 20 in which `require` takes ES modules; package.json says the same to npm.
const NODE = [20, 19];

/** What is wrong with this version of Node ("v18.2.0"), or null. */
export function nodeProblem(version) {
  const [major, minor] = version.slice(1).split(".").map(Number);
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return null;
  return `upnext needs Node ${NODE.join(".")} or later, and this is ${version}. Install a newer one from https://nodejs.org and run the same command again.`;
}

/**
 * Why node_modules is not what package-lock.json asks for, or null. npm keeps its own record of what it installed:
 * comparing the two needs no stamp, and holds whoever ran `npm ci`.
 */
export function installProblem(directory) {
  const record = join(directory, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return "node_modules is missing or not whole";
  const wanted = packagesOf(join(directory, "package-lock.json"));
  const installed = packagesOf(record);
  for (const [path, { version, integrity, optional, devOptional }] of Object.entries(wanted)) {
    const found = installed[path];
    if (found === undefined) {
      // Optional packages are those of other platforms.
      if (optional === true || devOptional === true) continue;
      return `${path} is missing`;
    }
    if (found.version !== version || found.integrity !== integrity) {
      return `${path} is ${found.version}, package-lock.json asks for ${version}`;
    }
  }
  const extra = Object.keys(installed).find((path) => wanted[path] === undefined);
  return extra === undefined ? null : `${extra} is not in package-lock.json`;
}

function packagesOf(path) {
  const { "": _root, ...packages } = JSON.parse(readFileSync(path, "utf8")).packages;
  return packages;
}

/** Ends the process with a clear line where Node is too old or the installation fails. */
export function ensureInstalled() {
  const unfit = nodeProblem(process.version);
  if (unfit !== null) stop(unfit);
  const problem = installProblem(root);
  if (problem === null) return;
  console.error(`install: ${problem}; running npm ci`);
  // Development packages too, even under NODE_ENV=production: the build needs the compiler.
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  // npm tells its scripts where it is. Otherwise (plain node, another package manager) the shell finds it.
  const { status } = npm?.endsWith("npm-cli.js")
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ["ignore", 2, 2] })
    : spawnSync(`npm ${args.join(" ")}`, { cwd: root, stdio: ["ignore", 2, 2], shell: true });
  if (status !== 0)
    stop("install: npm ci failed; the lines above say why. It needs the npm registry, and nothing else.");
}

export function stop(message) {
  console.error(message);
  process.exit(1);
}
