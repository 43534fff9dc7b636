import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import {
  CONFIG_FILES,
  defineConfig,
  dynamodb,
  loadConfig,
  redis,
  redisCluster,
  resolveConfig,
} from "../../src/config/index.ts";
import { UpnextError } from "../../src/core/index.ts";

const made: string[] = [];
let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "upnext-config-"));
  made.push(cwd);
});
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

function write(name: string, text: string): string {
  const path = join(cwd, name);
  writeFileSync(path, text);
  return path;
}

function messageOf(config: unknown): string {
  try {
    resolveConfig(config);
  } catch (error) {
    if (error instanceof UpnextError && error.code === "invalid_config") return error.message;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

async function refusal(promise: Promise<unknown>): Promise<UpnextError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UpnextError)) throw new Error(`expected an UpnextError, got ${String(error)}`);
  expect(error.code).toBe("invalid_config");
  return error;
}

describe("resolveConfig", () => {
  test("an empty configuration is the defaults, and resolving again changes nothing", () => {
    const config = resolveConfig({});
    expect(config).toMatchObject({
      directory: ".upnext",
      server: { host: "127.0.0.1", port: 8080, apiKeys: [] },
      budgetMs: 50,
      slo: { p99Ms: 50, margin: 0.2 },
      serving: { encodings: 64_000_000 },
      state: { store: "lmdb", touches: 512, vetoes: 256 },
      retrieval: { candidates: 500 },
      ranking: { headWeights: {} },
      policy: { maxPerCreator: 3, diversity: 0.1, explore: 0 },
      seed: 1,
    });
    expect(resolveConfig(config)).toEqual(config);
    expect(resolveConfig()).toEqual(config);
  });

  test("a store is named by its name, or by what its function returns", () => {
    const { state } = resolveConfig({ state: "memory" });
    expect(state).toEqual({ store: "memory", touches: 512, vetoes: 256 });
    const url = "redis://127.0.0.1:6379";
    expect(resolveConfig({ state: redis({ url, touches: 50, maxAge: "90d" }) }).state).toEqual({
      store: "redis",
      url,
      touches: 50,
      vetoes: 256,
      maxAge: 90 * 86_400_000,
    });
    expect(resolveConfig({ state: redisCluster({ nodes: [url] }) }).state).toMatchObject({
      store: "redis-cluster",
      nodes: [url],
    });
    expect(resolveConfig({ state: dynamodb() }).state).toMatchObject({ store: "dynamodb" });
  });

  test("sizes and durations are written as people write them", () => {
    const { log } = resolveConfig({ log: { retention: { maxAge: "400d", maxBytes: "1.5 GB" } } });
    expect(log.retention).toEqual({ maxAge: 400 * 86_400_000, maxBytes: 1_500_000_000 });
  });

  test("a misspelt key is answered with the nearest one, at every level", () => {
    expect(messageOf({ bugdetMs: 20 })).toBe(
      "config: bugdetMs: not a known key, expected only the keys directory, server, budgetMs, slo, serving, state, log, " +
        'retrieval, ranking, policy, seed, training. Did you mean "budgetMs"?',
    );
    expect(messageOf({ server: { prot: 1 } })).toBe(
      'config: server.prot: not a known key, expected only the keys host, port, apiKeys, limits, lameduck. Did you mean "port"?',
    );
    expect(messageOf({ zzzzzzzz: 1 })).toMatch(/Remove it\.$/);
  });

  test.each([
    [{ server: { port: "80" } }, 'config: server.port: got "80", expected a port from 0 to 65535'],
    [{ server: { port: 65_536 } }, "config: server.port: got 65536, expected a port from 0 to 65535"],
    [{ slo: { p99Ms: 0 } }, "config: slo.p99Ms: got 0, expected milliseconds from 1 to 60000"],
    [{ slo: { margin: 1 } }, "config: slo.margin: got 1, expected a share from 0 to 0.9"],
    [
      { slo: { p99: 50 } },
      'slo.p99: not a known key, expected only the keys p99Ms, margin. Did you mean "p99Ms"?',
    ],
    [{ budgetMs: 0 }, "config: budgetMs: got 0, expected milliseconds from 1 to 60000"],
    [{ budgetMs: Number.NaN }, "config: budgetMs: got NaN, expected milliseconds from 1 to 60000"],
    [
      { state: { store: "lmbd" } },
      'config: state.store: got "lmbd", expected one of "lmdb", "memory", "redis", "redis-cluster", "dynamodb". Did you mean "lmdb"?',
    ],
    [
      { state: "lmbd" },
      'config: state.store: got "lmbd", expected one of "lmdb", "memory", "redis", "redis-cluster", "dynamodb". Did you mean "lmdb"?',
    ],
    [{ state: { store: "redis" } }, 'config: state.url: got nothing, expected it with the store "redis"'],
    [
      { state: { store: "redis", url: "http://:secret@h" } },
      "config: state.url: got a string, expected a URL such as redis://127.0.0.1:6379",
    ],
    [
      { state: { store: "redis", url: "redis://h", table: "abc" } },
      'config: state.table: got "abc", expected only url, prefix with the store "redis"',
    ],
    [
      { state: { region: "eu-1" } },
      'config: state.region: got "eu-1", expected no place with the store "lmdb"',
    ],
    [
      { log: { retention: { maxBytes: "20" } } },
      'config: log.retention.maxBytes: got "20", expected a size such as "500MB", "20GB" or "1TB", or bytes, at least 1000000',
    ],
    [{ policy: { explore: 1.5 } }, "config: policy.explore: got 1.5, expected a share from 0 to 1"],
    [
      { policy: { diversity: 1 } },
      "config: policy.diversity: got 1, expected a number from 0 up to, but not including, 1",
    ],
    [
      { ranking: { headWeights: { like: "2" } } },
      'config: ranking.headWeights.like: got "2", expected a finite weight',
    ],
    [
      { retrieval: { sources: [] } },
      "config: retrieval.sources: got a list of 0, expected at least one source, or leave the key out for all",
    ],
    [{ directory: "" }, 'config: directory: got "", expected a path'],
    [
      { training: { timeBudget: "soon" } },
      'config: training.timeBudget: got "soon", expected a duration such as "90s", "30m" or "1h", or milliseconds from 1 on',
    ],
    [{ training: { timeBudget: 0 } }, /^config: training.timeBudget: got 0, expected a duration/],
    [{ training: { timeBudget: true } }, /^config: training.timeBudget: got true, expected a duration/],
    [null, /^config: the whole: got null, expected an object with the keys directory, /],
    [[], /^config: the whole: got a list of 0, /],
    [{ server: null }, "config: server: got null, expected an object with the keys host, port, apiKeys"],
  ])("%j is refused with its place and what was expected", (config, message) => {
    expect(messageOf(config)).toMatch(message);
  });

  test("all problems are told at once", () => {
    expect(messageOf({ seed: -1, budgetMs: 1.5 })).toBe(
      "config has 2 problems:\n  budgetMs: got 1.5, expected milliseconds from 1 to 60000\n" +
        "  seed: got -1, expected an integer from 0 to 9007199254740991",
    );
  });

  test("the limits themselves are allowed", () => {
    expect(() =>
      resolveConfig({ budgetMs: 1, server: { port: 0 }, policy: { diversity: 0 }, seed: 0 }),
    ).not.toThrow();
    expect(() => resolveConfig({ budgetMs: 60_000, server: { port: 65_535 } })).not.toThrow();
  });

  test("a duration is kept as milliseconds, and resolving again changes nothing", () => {
    const config = resolveConfig({ training: { timeBudget: "30m" } });
    expect(config.training.timeBudget).toBe(1_800_000);
    expect(resolveConfig(config)).toEqual(config);
  });

  test("an API key is kept as its digest alone", () => {
    const key = "0123456789abcdef";
    const sha256 = createHash("sha256").update(key).digest("hex");
    const { server } = resolveConfig({ server: { apiKeys: [{ name: "app", key, scopes: ["read"] }] } });
    expect(server.apiKeys).toEqual([{ name: "app", sha256, scopes: ["read"] }]);
    const again = resolveConfig({ server: { apiKeys: [{ name: "app", sha256, scopes: ["read"] }] } });
    expect(again.server).toEqual(server);
  });

  test("a bad API key is refused without its text", () => {
    const apiKeys = (entry: object) => ({
      server: { apiKeys: [{ name: "app", scopes: ["read"], ...entry }] },
    });
    expect(messageOf(apiKeys({ key: "short secret" }))).not.toContain("secret");
    expect(messageOf(apiKeys({ key: undefined }))).toContain("Is the environment variable set?");
    expect(messageOf(apiKeys({ key: "0123456789abcdef", scopes: [] }))).toContain("server.apiKeys[0].scopes");
  });
});

describe("loadConfig", () => {
  test("without a file, the defaults with a directory in the working directory", async () => {
    expect(await loadConfig(cwd)).toEqual({
      config: { ...resolveConfig({}), directory: join(cwd, ".upnext") },
      path: null,
    });
  });

  test.each(CONFIG_FILES)("%s is found and read", async (name) => {
    const text = name.endsWith(".json") ? '{"budgetMs": 20}' : "export default { budgetMs: 20 };";
    const path = write(name, text);
    const loaded = await loadConfig(cwd);
    expect(loaded.path).toBe(path);
    expect(loaded.config.budgetMs).toBe(20);
  });

  test("a TypeScript file imports defineConfig from upnext, wherever it lies", async () => {
    write(
      "upnext.config.ts",
      'import { defineConfig } from "upnext";\nconst port: number = 9000;\nexport default defineConfig({ server: { port } });\n',
    );
    expect((await loadConfig(cwd)).config.server.port).toBe(9000);
  });

  test("a file that has changed is read anew", async () => {
    write("upnext.config.ts", "export default { seed: 1 };");
    await loadConfig(cwd);
    write("upnext.config.ts", "export default { seed: 2 };");
    expect((await loadConfig(cwd)).config.seed).toBe(2);
  });

  test("the directory is relative to the file, not to the working directory", async () => {
    const path = write("other.json", '{"directory": "data"}');
    expect((await loadConfig("/", path)).config.directory).toBe(join(cwd, "data"));
  });

  test("a bad key is refused with the path of the file", async () => {
    const path = write("upnext.config.ts", "export default { sever: {} };");
    const { message } = await refusal(loadConfig(cwd));
    expect(message).toContain(`${path}: sever: not a known key`);
    expect(message).toContain('Did you mean "server"?');
  });

  test("a syntax error is refused with path and place, and the cause is kept", async () => {
    const path = write("upnext.config.ts", "export default {\n  budgetMs: ,\n};");
    const error = await refusal(loadConfig(cwd));
    expect(error.message).toContain(path);
    expect(error.message).toMatch(/\D2:\d+/);
    expect(error.message).not.toContain("\n");
    expect(error.cause).toBeDefined();
  });

  test("a file that throws, that has no default export, that is not there, or that is bad JSON is refused", async () => {
    write("throws.ts", 'throw new Error("no such secret");');
    expect((await refusal(loadConfig(cwd, "throws.ts"))).message).toContain("no such secret");
    write("named.ts", "export const config = {};");
    expect((await refusal(loadConfig(cwd, "named.ts"))).message).toContain("export default");
    expect((await refusal(loadConfig(cwd, "gone.ts"))).message).toContain("upnext init");
    write("bad.json", "{");
    expect((await refusal(loadConfig(cwd, "bad.json"))).message).toContain("bad.json");
  });

  test("defineConfig returns what it gets", () => {
    const config = { seed: 3 };
    expect(defineConfig(config)).toBe(config);
  });
});
