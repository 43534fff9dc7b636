/** What the pages show has to run: the examples as they stand, the README's library lines, and every link. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/index.ts";

const root = resolve(import.meta.dirname, "..", "..");
const jiti = join(root, "node_modules", "jiti", "lib", "jiti-cli.mjs");

/** Runs a program of Node and returns what it printed; fails with its errors. */
function run(args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  expect(status, stderr + stdout).toBe(0);
  return stdout;
}

// The examples take the package as others do: compiled.
beforeAll(() => {
  run([join(root, "scripts", "build.mjs")], root);
});

it("the library's example runs: trained, personal, changed by one event, forgotten", () => {
  const lines = run([jiti, join(root, "examples", "library.ts")], tmpdir()).split("\n");
  expect(lines[0]).toBe("rung popular, personal: false, because unknown_user, not_trained");
  expect(lines[1]).toBe("trained on 1000 interactions, 100 lists for the ranker");
  for (const line of lines.slice(2, 5)) expect(line).toMatch(/^\d\. v\d+ sailing, part \d+ \(found by /);
  expect(lines[5]).toMatch(/^not v6: The user has seen it/);
  expect(lines[6]).toMatch(/^rung full, state 1 > encode 1 > filter 39 > /);
  expect(lines[7]).toBe("forgot 1 touch; now personal: false");
});

it("the examples have the types that the package publishes", () => {
  run([join(root, "node_modules", "typescript", "bin", "tsc"), "--noEmit", "-p", "examples"], root);
});

it("the example of a configuration is a valid one", async () => {
  const { config } = await loadConfig(root, join(root, "examples", "upnext.config.ts"));
  expect(config.directory).toBe(join(root, ".upnext-example"));
  expect(config.ranking.headWeights).toEqual({ engage: 1, approve: 1, "long-watch": 0.3 });
});

it.skipIf(!existsSync(join(root, "README.md")))("the README's library lines run on a CSV file", () => {
  const code = /```ts\n(import \{ open \}[\s\S]*?)```/.exec(
    readFileSync(join(root, "README.md"), "utf8"),
  )?.[1];
  expect(code).toBeDefined();
  // Below the package, so that its name leads to it.
  const scratch = join(root, "build");
  mkdirSync(scratch, { recursive: true });
  const file = join(scratch, `readme-${process.pid}.ts`);
  const directory = mkdtempSync(join(tmpdir(), "upnext-readme-"));
  try {
    writeFileSync(file, code!);
    const rows = Array.from({ length: 600 }, (_, i) => `u${i % 60},v${(i * 7) % 50},4,${1_700_000_000 + i}`);
    writeFileSync(join(directory, "ratings.csv"), `user,item,rating,timestamp\n${rows.join("\n")}\n`);
    expect(run([jiti, file], directory)).toMatch(/v\d+/);
    expect(existsSync(join(directory, ".upnext", "bundles", "pointers.json"))).toBe(true);
  } finally {
    rmSync(file, { force: true });
    rmSync(directory, { recursive: true });
  }
});

it.skipIf(!existsSync(join(root, "README.md")))(
  "the README publishes no measurement that BENCHMARKS.md does not have",
  () => {
    const [, section = ""] = readFileSync(join(root, "README.md"), "utf8").split("## What it measures today");
    const numbers = section.split("\n## ")[0]!.match(/\d+\.\d+/g) ?? [];
    const published: readonly string[] =
      readFileSync(join(root, "BENCHMARKS.md"), "utf8").match(/\d+\.\d+/g) ?? [];
    expect(numbers.length).toBeGreaterThan(10);
    expect(numbers.filter((number) => !published.includes(number))).toEqual([]);
  },
);

describe("links", () => {
  const pages = [
    ...readdirSync(root).filter((name) => name.endsWith(".md")),
    ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => join("docs", name)),
  ];

  it.each(pages)("every link of %s leads to a file and, where it names one, to a heading", (page) => {
    const text = readFileSync(join(root, page), "utf8").replace(/```[\s\S]*?```/g, "");
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)]
      .map(([, link, image]) => (link ?? image)!)
      .filter((target) => !/^[a-z]+:/.test(target));
    const broken = targets.filter((target) => {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? join(root, page) : resolve(root, dirname(page), path);
      if (!existsSync(file) || relative(root, file).startsWith("..")) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(file, "utf8")).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

/** The anchors that GitHub gives headings. */
function anchorsOf(text: string): string[] {
  return [...text.replace(/```[\s\S]*?```/g, "").matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-"),
  );
}
