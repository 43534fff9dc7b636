import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { duration, id, port, share } from "../../src/cli/option-parsers.ts";
import { createProgram } from "../../src/cli/program.ts";
import { cli, removeDirectories, start, workingDirectory } from "./spawn-cli.ts";

afterAll(removeDirectories);

const COMMANDS = [
  ...[
    "start",
    "init",
    "import",
    "train",
    "experiment",
    "evaluate",
    "features",
    "off-policy",
    "recommend",
    "serve",
    "doctor",
  ],
  ...["state", "forget", "erasures", "backup", "restore"],
];

describe("help", () => {
  test.concurrent("--help lists every command and lines to try", async () => {
    const { code, stdout, stderr } = await cli(workingDirectory(), "--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, "m"));
    expect(stdout).toMatch(/main\.js recommend --user u1 --limit 10 --why$/m);
  });

  test.each(COMMANDS)("%s explains itself, and its examples call the program as it was called", (name) => {
    const command = createProgram().commands.find((candidate) => candidate.name() === name);
    let text = "";
    command?.configureOutput({
      writeOut: (part) => {
        text += part;
      },
    });
    command?.outputHelp();
    expect(text).toMatch(new RegExp(`^Usage: upnext ${name}`));
  });

  test.concurrent("--version prints the version of the package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(await cli(workingDirectory(), "--version")).toEqual({
      code: 0,
      stdout: `${version}\n`,
      stderr: "",
    });
  });

  test.concurrent(
    "without a command the help is shown and the exit code says that it was called wrongly",
    async () => {
      const { code, stdout, stderr } = await cli(workingDirectory());
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain("Usage: upnext");
    },
  );
});

describe("a wrong call exits with 2 and one message", () => {
  test.concurrent.each([
    [["trian"], /unknown command 'trian'\n\(Did you mean train\?\)/],
    [["train", "--jsn", "x"], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    [["import"], /missing required argument 'path'/],
    [["recommend"], /required option '--user <id>' not specified/],
    [["recommend", "--user", "u1", "--limit", "0"], /'--limit <n>'.*Expected an integer from 1 to 500/],
    [["import", "x.csv", "--columns", "usr=a"], /option '--columns': .*"usr" is not a field/],
    [["off-policy", "--requests", "0"], /option '--requests <n>'.*Expected an integer from 1 to/],
    [["evaluate", "--data", "x.csv", "--split", "half"], /option '--split': .*expected leave-one-out/],
    [["train", "--time-budget", "30"], /'--time-budget <duration>'.*Expected a duration: 90s, 30m or 1h/],
    [["state", "shwo", "u1"], /unknown command 'shwo'\n\(Did you mean show\?\)/],
    [["state", "show", "u1", "--at", "noon"], /'--at <time>'.*Expected a time/],
    [["state", "show", "u1", "--at", "5", "--offset", "5"], /expected --at or --offset, got both/],
    [["state", "migrate"], /required option '--to <place>' not specified/],
    [["state", "migrate", "--to", "mysql://h"], /--to: place of user states: expected lmdb, .*got "mysql:"/],
    [["state", "migrate", "--to", "lmdb"], /expected two stores, --from and --to are both lmdb:/],
    [
      ["state", "migrate", "--from", "lmdb:old", "--to", "lmdb"],
      /expected another store than that of the config/,
    ],
    [["state", "clear"], /expected --yes: it removes all user states in lmdb:/],
    [["backup"], /missing required argument 'path'/],
    [["tradeoffs", "--seconds", "0"], /'--seconds <n>'.*Expected an integer from 1 to 86400/],
    [["tradeoffs", "--split", "half", "--data", "x.csv"], /option '--split': .*expected leave-one-out/],
    [
      ["tradeoffs", "--promote", "--data", "x.csv"],
      /option '--promote': expected the log of --dir, got --data/,
    ],
    [["train", "--device", "gpu"], /'--device <name>'.*Expected cpu or webgpu/],
    [["evaluate", "--data", "x.csv", "--json", "."], /option '--json <file>': \. is a directory/],
  ])("%j", async (args, message) => {
    const { code, stdout, stderr } = await cli(workingDirectory(), ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test.concurrent("a PORT that is no port", async () => {
    const { code, stderr } = await start(workingDirectory(), ["serve"], { PORT: "http" }).ended;
    expect(code).toBe(2);
    expect(stderr).toBe("error: PORT=http: expected an integer from 0 to 65535.\n");
  });
});

describe("the value of an option", () => {
  test.each([
    ["0", 0],
    ["65535", 65535],
    ["65536", null],
    ["-1", null],
    ["1.5", null],
    ["", null],
    ["0x10", null],
  ])("%j as a port", (text, expected) => accepts(port, text, expected));

  test.each([
    ["0", 0],
    ["1", 1],
    [".05", 0.05],
    ["1.01", null],
    ["1e-2", null],
    ["", null],
    ["NaN", null],
  ])("%j as a share", (text, expected) => accepts(share, text, expected));

  test.each([
    ["90s", 90_000],
    ["30m", 1_800_000],
    ["1.5h", 5_400_000],
    ["0s", null],
    ["-1m", null],
    ["30", null],
    ["1h30m", null],
    ["", null],
  ])("%j as a duration", (text, expected) => accepts<number>(duration, text, expected));

  test.each([
    ["u1", "u1"],
    ["日本", "日本"],
    ["x".repeat(256), "x".repeat(256)],
    ["x".repeat(257), null],
    ["", null],
    ["a\nb", null],
  ])("%j as an id", (text, expected) => accepts(id, text, expected));

  function accepts<T>(parse: (text: string) => T, text: string, expected: T | null): void {
    if (expected === null) expect(() => parse(text)).toThrow(/Expected/);
    else expect(parse(text)).toBe(expected);
  }
});

describe("a failure exits with 1, its code, and a pointer to the docs, without a stack", () => {
  test.concurrent.each([
    [["recommend", "--user", "u1"], "data_not_found"],
    [["train"], "data_not_found"],
    [["tradeoffs", "--out", "pages"], "data_not_found"],
    [["import", "nowhere.csv"], "data_not_found"],
    [["start", "--port", "0", "--data", "nowhere"], "data_not_found"],
    [["state", "verify"], "data_not_found"],
    [["state", "migrate", "--to", "lmdb:elsewhere"], "data_not_found"],
    [["forget", "u1"], "data_not_found"],
    [["erasures"], "data_not_found"],
    [["backup", "copy"], "data_not_found"],
    [["restore", "nowhere"], "backup_corrupt"],
    [["--config", "gone.ts", "doctor"], "invalid_config"],
  ])("%j", async (args, code) => {
    const ended = await cli(workingDirectory(), ...args);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(new RegExp(`^error ${code}: .+\n  see docs/errors\\.md#${code}\n$`, "s"));
    expect(ended.stderr).not.toMatch(/^ +at /m);
  });

  test.concurrent(
    "a bad configuration is told with its path and the nearest key, whatever the command",
    async () => {
      const cwd = workingDirectory();
      writeFileSync(join(cwd, "upnext.config.ts"), "export default { server: { prot: 1 } };");
      for (const command of ["doctor", "start"]) {
        const { code, stderr } = await cli(cwd, command);
        expect(code).toBe(1);
        expect(stderr).toContain(`${join(cwd, "upnext.config.ts")}: server.prot: not a known key`);
        expect(stderr).toContain('Did you mean "port"?');
      }
    },
  );

  test.concurrent("a port that is taken is told before any work, with the cure", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { code, stdout, stderr } = await start(workingDirectory(), ["start"], { PORT: String(port) }).ended;
    other.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /expected a free port, another program listens there\. Take another with PORT=\d+/,
    );
  });

  test.concurrent("a wrong path leaves nothing behind", async () => {
    const cwd = workingDirectory();
    await cli(cwd, "start", "--port", "0", "--data", "nowhere");
    await cli(cwd, "import", "nowhere");
    expect((await cli(cwd, "doctor")).stdout).toContain("expected a directory with a log, there is none");
  });
});

describe("init", () => {
  test.concurrent("writes a configuration that is the defaults, and refuses to overwrite it", async () => {
    const cwd = workingDirectory();
    const first = await cli(cwd, "init");
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: "" });
    expect(first.stdout).toContain("wrote upnext.config.ts");
    const { loadConfig, resolveConfig } = await import("../../src/config/index.ts");
    const { config } = await loadConfig(cwd);
    expect(config).toEqual({ ...resolveConfig({}), directory: join(cwd, ".upnext") });

    writeFileSync(join(cwd, "upnext.config.ts"), "mine");
    const second = await cli(cwd, "init");
    expect(second.code).toBe(1);
    expect(second.stderr).toContain("upnext.config.ts: expected no configuration here, it exists");
    expect(readFileSync(join(cwd, "upnext.config.ts"), "utf8")).toBe("mine");
  });

  test.concurrent("refuses where there is a configuration of another kind", async () => {
    const cwd = workingDirectory();
    writeFileSync(join(cwd, "upnext.config.json"), "{}");
    expect((await cli(cwd, "init")).code).toBe(1);
  });
});

describe("doctor", () => {
  test.concurrent("says what is missing and exits with 1, also as JSON", async () => {
    const cwd = workingDirectory();
    const { code, stdout } = await cli(cwd, "doctor");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok +node: Node\.js /m);
    expect(stdout).toMatch(/^FAILURE +directory: data_not_found: .* import PATH$/m);
    const json = await cli(cwd, "doctor", "--json");
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false });
  });

  test.concurrent("points to the demo where it is", async () => {
    const cwd = workingDirectory();
    mkdirSync(join(cwd, ".upnext", "demo", "log"), { recursive: true });
    expect((await cli(cwd, "doctor")).stdout).toContain("--dir .upnext/demo");
  });
});
