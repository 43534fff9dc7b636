// `npm run bench -- NAME [--write] [args]`: runs bench/NAME.ts in this fresh process and prints its figures as JSON,
// with the machine and the commit they belong to. `--write` keeps them in bench/results, from which
// `npm run bench -- report` writes BENCHMARKS.md.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled, root, stop } from "./ensure.mjs";

ensureInstalled();

const names = readdirSync(join(root, "bench"))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3));
const [name, ...rest] = process.argv.slice(2);
const args = rest.filter((arg) => arg !== "--write");
if (!names.includes(name)) {
  const problem = name === undefined ? "bench: which one?" : `bench: there is no "${name}".`;
  stop(`${problem} There are: ${names.join(", ")}. Run one with: npm run bench -- ${names[0]}`);
}

const { createJiti } = await import("jiti");
const bench = await createJiti(import.meta.url).import(join(root, "bench", `${name}.ts`));
// Worker threads and kernels run from what is built. A benchmark without them says so: `export const needsBuild = false`.
if (bench.needsBuild !== false) ensureBuilt();
const result = await bench.run(args);
const record = {
  name,
  about: bench.about ?? "",
  command: ["npm run bench --", name, ...args].join(" "),
  commit: commit(),
  date: new Date().toISOString().slice(0, 10),
  machine: {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  },
  result,
};
const json = JSON.stringify(record, null, 2);
console.log(json);
if (rest.includes("--write")) {
  mkdirSync(join(root, "bench", "results"), { recursive: true });
  writeFileSync(join(root, "bench", "results", `${name}.json`), `${json}\n`);
}

/** Short hash of the checkout, "+" where the sources differ from it, "unknown" outside of a repository. */
function commit() {
  const git = (...gitArgs) =>
    execFileSync("git", gitArgs, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const changes = git("status", "--porcelain", "--", "src", "bench/*.ts", "package-lock.json");
    return git("rev-parse", "--short", "HEAD") + (changes === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
