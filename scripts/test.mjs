// `npm test`: everything that has to hold before a change is kept, cheapest first. One line a step; the first failure
// ends it, with its output. Arguments go to vitest: `npm test -- test/policy`.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ensureBuilt } from "./build.mjs";
import { ensureInstalled, root } from "./ensure.mjs";

ensureInstalled();

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const env = { ...process.env, PATH: join(root, "node_modules", ".bin") + delimiter + process.env.PATH };
const begin = performance.now();

for (const name of ["lint", "types", "layers", "unused"]) step(name, () => runScript(name));
step("build", () => {
  ensureBuilt();
  return true;
});
step("package", () => runScript("package"));
step("tests", () => {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const args = [vitest, "run", ...process.argv.slice(2)];
  return spawnSync(process.execPath, args, { cwd: root, env, stdio: "inherit" }).status === 0;
});
console.log(`npm test: all good in ${seconds(begin)}`);

/** A script of package.json, quiet unless it fails. */
function runScript(name) {
  const { status, stdout, stderr } = spawnSync(scripts[name], {
    cwd: root,
    env,
    shell: true,
    maxBuffer: 1 << 28,
  });
  if (status !== 0) process.stdout.write(Buffer.concat([stdout, stderr]));
  return status === 0;
}

function step(name, work) {
  const start = performance.now();
  const good = work();
  console.log(`${good ? "ok  " : "FAIL"} ${name.padEnd(8)} ${seconds(start)}`);
  if (good) return;
  const again = scripts[name] === undefined ? "" : `; \`npm run ${name}\` runs this step alone`;
  console.log(`npm test: stopped at "${name}"${again}`);
  process.exit(1);
}

function seconds(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}
