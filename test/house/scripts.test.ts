/** What `npm start` looks at before it installs or builds anything. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

interface BuildState {
  readonly inputs: Record<string, unknown>;
  readonly missing: readonly string[];
  readonly stale: string | null;
  readonly consoleStale: boolean;
}
interface Build {
  stateOf(directory: string): BuildState;
  writeStamp(directory: string, inputs: BuildState["inputs"]): void;
  removeOrphans(directory: string): void;
}
interface Ensure {
  nodeProblem(version: string): string | null;
  installProblem(directory: string): string | null;
}
const script = (name: string) => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));
// The scripts are plain JavaScript: nothing may be compiled before they run.
const { stateOf, writeStamp, removeOrphans }: Build = await import(script("build.mjs"));
const { nodeProblem, installProblem }: Ensure = await import(script("ensure.mjs"));

let tree: string;
const write = (path: string, text = "") => {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
};
const remove = (path: string) => rmSync(join(tree, path));

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "upnext-scripts-"));
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

describe("the check of the build", () => {
  beforeEach(() => {
    write("tsconfig.json", "{}");
    write("src/a.ts", "a");
    write("src/deep/b.ts", "b");
    write("src/tensor/assembly/k.ts", "k");
    write("dist/a.js");
    write("dist/deep/b.js");
    writeStamp(tree, stateOf(tree).inputs);
  });

  it("finds nothing to do after a build", () => {
    expect(stateOf(tree)).toMatchObject({ stale: null, missing: [] });
  });

  it("finds everything to do in a fresh clone", () => {
    rmSync(join(tree, "build"), { recursive: true });
    expect(stateOf(tree).stale).toBe("nothing is built yet");
  });

  it.each([
    ["a changed source", () => write("src/a.ts", "A"), "src/a.ts has changed"],
    [
      "a changed kernel",
      () => write("src/tensor/assembly/k.ts", "K"),
      "src/tensor/assembly/k.ts has changed",
    ],
    ["changed compiler settings", () => write("tsconfig.json", "{ }"), "tsconfig.json has changed"],
    ["a new source", () => write("src/c.ts"), "src/c.ts is new"],
    ["a deleted source", () => remove("src/deep/b.ts"), "src/deep/b.ts is gone"],
    ["a deleted output", () => remove("dist/deep/b.js"), "dist/deep/b.js is missing"],
    ["a stamp that is not JSON", () => write("build/stamp.json", "{"), "nothing is built yet"],
  ])("notices %s", (_, change, reason) => {
    change();
    expect(stateOf(tree).stale).toBe(reason);
  });

  it("builds the console where its own sources or its page say so, and lets it be where others changed", () => {
    write("console/vite.config.ts", "v");
    write("console/src/main.tsx", "m");
    expect(stateOf(tree)).toMatchObject({ consoleStale: true });
    write("dist/console/index.html");
    write("dist/console/assets/main.js");
    writeStamp(tree, stateOf(tree).inputs);
    expect(stateOf(tree)).toMatchObject({ stale: null, consoleStale: false });
    write("src/a.ts", "A");
    expect(stateOf(tree)).toMatchObject({ stale: "src/a.ts has changed", consoleStale: false });
    write("console/src/main.tsx", "M");
    expect(stateOf(tree)).toMatchObject({ consoleStale: true });
    write("console/src/main.tsx", "m");
    removeOrphans(tree);
    expect(stateOf(tree)).toMatchObject({ consoleStale: false });
    remove("console/src/main.tsx");
    expect(stateOf(tree)).toMatchObject({ consoleStale: true });
    write("console/src/main.tsx", "m");
    remove("dist/console/index.html");
    expect(stateOf(tree)).toMatchObject({ consoleStale: true });
  });

  it("lets a file pass that has another time and the same bytes", () => {
    utimesSync(join(tree, "src/a.ts"), 1, 1);
    expect(stateOf(tree).stale).toBeNull();
    expect(stateOf(tree).inputs).toMatchObject({ "src/a.ts": [1_000, 1, expect.any(String)] });
  });

  it("removes outputs whose source is gone, and nothing else", () => {
    remove("src/deep/b.ts");
    for (const end of ["d.ts", "js.map"]) write(`dist/deep/b.${end}`);
    write("dist/a.d.ts");
    write("dist/.tsbuildinfo");
    removeOrphans(tree);
    expect(readdirSync(join(tree, "dist")).sort()).toEqual([".tsbuildinfo", "a.d.ts", "a.js", "deep"]);
    expect(readdirSync(join(tree, "dist/deep"))).toEqual([]);
  });
});

describe("the check of the installation", () => {
  const lock = (packages: object) =>
    write("package-lock.json", JSON.stringify({ packages: { "": {}, ...packages } }));
  const installed = (packages: object) =>
    write("node_modules/.package-lock.json", JSON.stringify({ packages }));
  const a = { "node_modules/a": { version: "1.0.0", integrity: "x" } };
  const foreign = { "node_modules/for-another-platform": { version: "1.0.0", optional: true } };

  it("passes what npm ci has just installed, without the packages of other platforms", () => {
    lock({ ...a, ...foreign });
    installed(a);
    expect(installProblem(tree)).toBeNull();
  });

  it("notices a missing, an outdated and a left-over package, and no packages at all", () => {
    lock(a);
    expect(installProblem(tree)).toBe("node_modules is missing or not whole");
    installed({});
    expect(installProblem(tree)).toBe("node_modules/a is missing");
    installed({ "node_modules/a": { version: "0.9.0", integrity: "y" } });
    expect(installProblem(tree)).toBe("node_modules/a is 0.9.0, package-lock.json asks for 1.0.0");
    installed({ ...a, "node_modules/b": { version: "1.0.0" } });
    expect(installProblem(tree)).toBe("node_modules/b is not in package-lock.json");
  });
});

describe("npm start", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const main = `#!/usr/bin/env node
process.on("SIGTERM", () => process.exit(7));
process.stdout.write(JSON.stringify(process.argv.slice(2)) + "\\n");
setTimeout(() => process.exit(9), 30_000);
`;

  /** Starts it, sends SIGTERM at the first line of output, and waits for the end. */
  async function start(...args: string[]): Promise<{ out: string; err: string; code: number | null }> {
    const child = spawn(process.execPath, [join(tree, "scripts/start.mjs"), ...args]);
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk) => {
      out += chunk;
      child.kill("SIGTERM");
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    const [code] = await once(child, "close");
    return { out, err, code };
  }

  beforeEach(() => {
    for (const name of ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"]) {
      cpSync(join(root, name), join(tree, name));
    }
    for (const name of ["start.mjs", "build.mjs", "ensure.mjs"]) {
      cpSync(join(root, "scripts", name), join(tree, "scripts", name));
    }
    symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
    write("src/cli/main.ts", main);
  });

  it("builds, becomes the command line with its arguments, signals and exit code, and builds no second time", async () => {
    const first = await start("--data", "a b");
    expect(first.err).toMatch(/^build: nothing is built yet; compiling\nbuild: done in [\d.]+ s\n$/);
    expect(first).toMatchObject({ out: '["start","--data","a b"]\n', code: 7 });
    expect(await start()).toEqual({ out: '["start"]\n', err: "", code: 7 });
    expect(statSync(join(tree, "dist/cli/main.js")).mode & 0o111).toBe(0o111);
  });

  it("stops with the compiler's words where the source does not compile, and does not run what is left", async () => {
    write("src/cli/main.ts", `${main}const wrong: number = "text";\n`);
    const { out, err, code } = await start();
    expect(err).toMatch(
      /src\/cli\/main.ts.*error TS2322.*\n.*build: .*tsc failed; the lines above say where\n$/s,
    );
    expect({ out, code }).toEqual({ out: "", code: 1 });
    // The compiler has written its output all the same; without a stamp nobody takes it for a build.
    expect(stateOf(tree)).toMatchObject({ stale: "nothing is built yet", missing: [] });
  });
});

describe("the check of Node", () => {
  it.each(["v20.19.0", "v20.20.2", "v22.0.0", "v24.1.0"])("takes %s", (version) => {
    expect(nodeProblem(version)).toBeNull();
  });

  it.each(["v20.18.3", "v18.20.0", "v6.0.0"])("refuses %s, and says what to do", (version) => {
    expect(nodeProblem(version)).toMatch(`needs Node 20.19 or later, and this is ${version}. Install`);
  });
});
