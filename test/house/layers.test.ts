/** The table in .dependency-cruiser.cjs against a tree with one import for every pair of folders. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const config = join(root, ".dependency-cruiser.cjs");
const {
  layers,
  doors,
}: { layers: Record<string, string[]>; doors: { every: string[] } & Record<string, string[]> } =
  createRequire(import.meta.url)(config).table;
const names = Object.keys(layers);
const isFile = (name: string) => name.endsWith(".ts");
const folders = names.filter((name) => !isFile(name));

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

/** Writes the files into a directory of their own and cruises its src/ with the project's configuration. */
function cruise(files: Readonly<Record<string, string>>): Violation[] {
  const tree = mkdtempSync(join(tmpdir(), "upnext-layers-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, name)), { recursive: true });
      writeFileSync(join(tree, name), text);
    }
    const cruiser = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
    const args = [cruiser, "--config", config, "--output-type", "json", "src"];
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: tree,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (!stdout.startsWith("{"))
      throw new Error(`dependency-cruiser did not answer in JSON: ${stdout}${stderr}`);
    return JSON.parse(stdout).summary.violations;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** "rule: from > to" of every violation, in order. */
function broken(files: Readonly<Record<string, string>>): string[] {
  return cruise(files)
    .map(({ rule, from, to }) => `${rule.name}: ${from} > ${to}`)
    .sort();
}

const VALUE = "export const value = 1;\nexport type Value = 1;\n";
const importer = (from: string, to: string) =>
  isFile(from) ? `src/${from}` : `src/${from}/to-${to.replace(".ts", "")}.ts`;
const target = (to: string) => (isFile(to) ? `src/${to}` : `src/${to}/index.ts`);
const path = (from: string, to: string) => (isFile(from) ? "./" : "../") + target(to).slice("src/".length);

describe("the table of layers", () => {
  const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => ({ from, to })));
  const forbidden = pairs.filter(({ from, to }) => !layers[from]!.includes(to));
  const allowed = pairs.filter(({ from, to }) => layers[from]!.includes(to));
  const caught: Record<string, Set<string>> = {};

  beforeAll(() => {
    // A type and a value are imported in turn: both count.
    for (const kind of ["import", "import type"]) {
      const files: Record<string, string> = {};
      for (const folder of folders) files[target(folder)] = VALUE;
      for (const { from, to } of pairs) {
        const what = kind === "import" ? "value" : "Value";
        const line = `${kind} { ${what} as ${what}${names.indexOf(to)} } from "${path(from, to)}";\n`;
        const file = importer(from, to);
        files[file] = (files[file] ?? VALUE) + line;
      }
      const violations = cruise(files).filter(({ rule }) => rule.name.startsWith("layer-"));
      caught[kind] = new Set(violations.map(({ rule, from, to }) => `${rule.name}: ${from} > ${to}`));
    }
  });

  it("knows every pair as either allowed or forbidden, and both kinds are there", () => {
    expect(allowed.length + forbidden.length).toBe(names.length * (names.length - 1));
    expect(allowed.length).toBeGreaterThan(100);
    expect(forbidden.length).toBeGreaterThan(200);
  });

  it.each(["import", "import type"])("catches every forbidden pair and nothing else, by `%s`", (kind) => {
    const expected = forbidden.map(({ from, to }) => `layer-${from}: ${importer(from, to)} > ${target(to)}`);
    expect([...caught[kind]!].sort()).toEqual(expected.sort());
  });

  it("has an order: no folder may import one that may import it", () => {
    for (const { from, to } of allowed) expect(layers[to], `${from} and ${to}`).not.toContain(from);
  });

  it("is the table that docs/decisions/0001-layers.md prints", () => {
    const page = readFileSync(join(root, "docs/decisions/0001-layers.md"), "utf8");
    const rows = [...page.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map(([, name, list]) => [name, list]);
    expect(Object.fromEntries(rows)).toEqual(
      Object.fromEntries(names.map((name) => [name, layers[name]!.toSorted().join(", ") || "nothing"])),
    );
  });
});

describe("the doors", () => {
  it("let nobody in past index.ts and the interface files, not even the command line and the root", () => {
    const inner = Object.fromEntries(folders.map((folder) => [`src/${folder}/inner.ts`, VALUE]));
    const files: Record<string, string> = { ...inner, "src/cli/main.ts": "", "src/upnext.ts": "" };
    for (const folder of folders) {
      if (folder !== "cli") files["src/cli/main.ts"] += `import "../${folder}/inner.ts";\n`;
      if (layers["upnext.ts"]!.includes(folder))
        files["src/upnext.ts"] += `import type {} from "./${folder}/inner.ts";\n`;
    }
    const expected = folders.flatMap((folder) => [
      ...(folder === "cli" ? [] : [`door-${folder}: src/cli/main.ts > src/${folder}/inner.ts`]),
      ...(layers["upnext.ts"]!.includes(folder)
        ? [`door-${folder}: src/upnext.ts > src/${folder}/inner.ts`]
        : []),
    ]);
    expect(broken(files)).toEqual(expected.sort());
  });

  it("let everybody in through each of them, and a folder's own files pass each other freely", () => {
    const files: Record<string, string> = { "src/cli/main.ts": "", "src/core/a.ts": 'import "./deep/b.ts";' };
    files["src/core/deep/b.ts"] = VALUE;
    for (const folder of folders.filter((name) => name !== "cli")) {
      for (const door of [...doors.every, ...(doors[folder] ?? [])]) {
        files[`src/${folder}/${door}`] = VALUE;
        files["src/cli/main.ts"] += `import "../${folder}/${door}";\n`;
      }
    }
    expect(broken(files)).toEqual([]);
  });
});

describe("the other rules of the house", () => {
  it("catch a cycle, of types too", () => {
    const files = {
      "src/core/a.ts": 'import type { B } from "./b.ts"; export type A = B;',
      "src/core/b.ts": 'import { type A } from "./a.ts"; export type B = A | 1;',
    };
    expect(broken(files)).toEqual(["no-cycles: src/core/a.ts > src/core/b.ts"]);
  });

  it("catch a folder or file that is not in the table, on both ends of an import", () => {
    const files = {
      "src/core/index.ts": 'import "../helpers/index.ts";',
      "src/helpers/index.ts": "",
      "src/utils.ts": 'import "./core/index.ts";',
    };
    expect(broken(files)).toEqual([
      "known-folders: src/utils.ts > src/core/index.ts",
      "layer-core: src/core/index.ts > src/helpers/index.ts",
    ]);
  });

  it("catch source that needs a test, and an import that leads nowhere", () => {
    const files = { "src/core/a.ts": 'import "../../test/b.ts"; import "./gone.ts";', "test/b.ts": "" };
    expect(broken(files)).toEqual([
      "resolvable: src/core/a.ts > ./gone.ts",
      "source-only: src/core/a.ts > test/b.ts",
    ]);
  });

  it("catch a package that only development has", () => {
    const files = {
      "package.json": '{ "dependencies": { "kept": "1" }, "devDependencies": { "gone": "1" } }',
      "node_modules/kept/index.js": "",
      "node_modules/gone/index.js": "",
      "src/core/a.ts": 'import "kept"; import "gone";',
    };
    expect(broken(files)).toEqual(["no-development-packages: src/core/a.ts > node_modules/gone/index.js"]);
  });

  it("catch a dynamic import like any other", () => {
    const files = {
      "src/core/a.ts": 'export const load = () => import("../state/index.ts");',
      "src/state/index.ts": "",
    };
    expect(broken(files)).toEqual(["layer-core: src/core/a.ts > src/state/index.ts"]);
  });
});
