// `npm run chaos -- NAME [args]`: breaks the system on purpose, as chaos/NAME.ts says, and prints what held as JSON,
// with the machine and the commit. Ends with 1 where a promise was broken. Without a name it lists what there is.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled, root, stop } from "./ensure.mjs";

ensureInstalled();
const { createJiti } = await import("jiti");
const jiti = createJiti(import.meta.url);

const [name, ...args] = process.argv.slice(2);
const chaos = await commands();
const command = chaos.get(name);
if (command === undefined) {
  const list = [...chaos]
    .map(([each, { about }]) => `  npm run chaos -- ${each.padEnd(10)} ${about}`)
    .join("\n");
  if (name === undefined) console.log(list);
  else stop(`chaos: there is no "${name}". There are:\n${list}`);
} else {
  // Worker threads and kernels run from what is built.
  if (command.needsBuild !== false) ensureBuilt();
  const { broken, figures } = await command.run(args);
  const record = {
    name,
    command: ["npm run chaos --", name, ...args].join(" "),
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    machine: { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, node: process.version },
    broken,
    figures,
  };
  console.log(JSON.stringify(record, null, 2));
  for (const promise of broken) console.error(`chaos ${name}: BROKEN: ${promise}`);
  console.error(`chaos ${name}: ${broken.length === 0 ? "every promise held" : `${broken.length} broken`}`);
  // Not what a child, a timer or a socket of something broken may still hold open.
  process.exit(broken.length === 0 ? 0 : 1);
}

/** The files of chaos/ that can be run: those that say what they are about. By name. */
async function commands() {
  const found = new Map();
  for (const file of readdirSync(join(root, "chaos")).sort()) {
    if (!file.endsWith(".ts")) continue;
    const module = await jiti.import(join(root, "chaos", file));
    if (module.about !== undefined) found.set(file.slice(0, -3), module);
  }
  return found;
}

/** Short hash of the checkout, "+" where the sources differ from it, "unknown" outside of a repository. */
function commit() {
  const git = (...gitArgs) =>
    execFileSync("git", gitArgs, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const changes = git("status", "--porcelain", "--", "src", "chaos", "package-lock.json");
    return git("rev-parse", "--short", "HEAD") + (changes === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
