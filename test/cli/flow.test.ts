import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli, removeDirectories, start, workingDirectory } from "./spawn-cli.ts";

afterAll(removeDirectories);

const PLATFORM = ["--users", "60", "--videos", "120", "--events", "2500"];

/** A fresh working directory, in which training takes a few steps. */
function hurriedDirectory(): string {
  const cwd = workingDirectory();
  writeFileSync(join(cwd, "upnext.config.json"), JSON.stringify({ training: { timeBudget: "2s" } }));
  return cwd;
}

/** The URL that a server said it listens on. */
function urlIn(stdout: string): string {
  const url = /(?:serving|listening) on (http:\/\/\S+)/.exec(stdout)?.[1];
  if (url === undefined) throw new Error(`no URL in:\n${stdout}`);
  return url;
}

async function json(url: string, init?: RequestInit): Promise<Record<string, unknown>> {
  const response = await fetch(url, init);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

describe("start", () => {
  const cwd = hurriedDirectory();
  let first: string;

  beforeAll(async () => {
    // Killed in the middle of its data: nothing of what follows may notice.
    const killed = start(cwd, ["start", "--no-serve", ...PLATFORM]);
    await killed.said(/upnext in/);
    await new Promise((resolve) => setTimeout(resolve, 700));
    killed.process.kill("SIGKILL");
    await killed.ended;

    const running = start(cwd, ["start", "--port", "0", ...PLATFORM]);
    first = await running.said(/Try next[\s\S]*Ctrl-C/);
    running.process.kill("SIGTERM");
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("SIGTERM: finishing requests under way");
  });

  test("makes a log, trains, and prints the table of all systems", () => {
    expect(first).toMatch(/trained on [\d,]+ interactions of \d+ users with 120 items/);
    for (const name of ["popular", "blend", "two-stage"]) {
      expect(first).toMatch(new RegExp(`^${name} +0\\.\\d{4} ±0\\.\\d{4} `, "m"));
    }
    expect(first).toContain("upnext in .upnext/demo");
  });

  test("the second time it serves at once what it finds, and its lines work", async () => {
    const running = start(cwd, ["start"], { PORT: "0" });
    const stdout = await running.said(/Try next[\s\S]*Ctrl-C/);
    expect(stdout).not.toContain("trained on");
    expect(stdout).toMatch(/found [\d,]+ events, 120 items, bundle [0-9a-f]{16}, trained \d{4}-/);
    const url = urlIn(stdout);

    const before = await json(`${url}/v1/recommendations?user=u1&limit=5&explain=true`);
    expect(before).toMatchObject({ personal: true, reasons: [] });
    const [item] = (before["items"] as { item: string }[]).map((entry) => entry.item);
    // The item that the pasted event is about is the first one shown.
    expect(stdout).toContain(`{"user":"u1","item":"${item}","type":"watch","value":0.95}`);
    const { offset } = await json(`${url}/v1/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ kind: "interaction", user: "u1", item, type: "watch", value: 0.95 }),
    });
    const after = await json(`${url}/v1/recommendations?user=u1&limit=5&after=${offset}`);
    expect((after["items"] as { item: string }[]).map((entry) => entry.item)).not.toContain(item);

    // A reader beside the server, and a second writer.
    const recommended = await cli(cwd, "recommend", "--dir", ".upnext/demo", "--user", "u1", "--json");
    expect(recommended.code).toBe(0);
    expect(JSON.parse(recommended.stdout)).toMatchObject({ user: "u1", personal: true });
    const second = await cli(cwd, "serve", "--dir", ".upnext/demo", "--port", "0");
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^error log_locked: /);

    running.process.kill("SIGINT");
    expect((await running.ended).code).toBe(0);
  });

  test("an interrupted training leaves with 130 and says that nothing is lost", async () => {
    const running = start(cwd, ["train", "--dir", ".upnext/demo"]);
    // The first line of any step; training begins with reading the log.
    const timer = setTimeout(() => running.process.kill("SIGINT"), 900);
    const { code, stderr } = await running.ended;
    clearTimeout(timer);
    // A machine may be fast enough to have finished, or so slow that nothing listened for the signal yet.
    if (code !== 0 && code !== null) {
      expect(code).toBe(130);
      expect(stderr).toContain("stopped by SIGINT; nothing that was acknowledged is lost");
    }
    expect((await cli(cwd, "doctor", "--dir", ".upnext/demo")).code).toBe(0);
  });

  test("other data is not mixed into the log of the first", async () => {
    writeFileSync(join(cwd, "demo.csv"), "user,item,time\na,b,1700000000\n");
    const { code, stderr } = await cli(cwd, "start", "--no-serve", "--data", "demo.csv");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error invalid_request: \.upnext\/demo: expected the log of .*demo\.csv, it holds the simulation/,
    );
  });

  test("why and why not are told in words", async () => {
    const { stdout } = await cli(
      cwd,
      "recommend",
      "--dir",
      ".upnext/demo",
      "--user",
      "u2",
      "--limit",
      "3",
      "--why",
      "--why-not",
      "nope",
    );
    expect(stdout).toMatch(/^3 items for u2, personal, rung full/);
    expect(stdout.match(/found by {4}\S/g)).toHaveLength(3);
    expect(stdout).toMatch(/predicted {3}\w+/);
    expect(stdout).toContain("not nope, lost in catalog:");
  });
});

describe("the user's own data", () => {
  const cwd = hurriedDirectory();
  const rows: string[] = ["uid,film,when"];
  // Two tastes: even users take even films in a circle, odd ones odd films.
  for (let user = 0; user < 40; user++) {
    for (let step = 0; step < 12; step++) {
      const film = (user % 2) + 2 * ((user + step) % 15);
      rows.push(`user ${user},film ${film},${1_700_000_000 + user * 7 + step * 3600}`);
    }
  }
  const columns = ["--columns", "user=uid,item=film,time=when"];

  beforeAll(() => {
    writeFileSync(join(cwd, "films.csv"), `${rows.join("\n")}\n`);
    const titles = Array.from({ length: 30 }, (_, i) => `film ${i},The film number ${i}`);
    writeFileSync(join(cwd, "titles.csv"), `id,title\n${titles.join("\n")}\n`);
  });

  test("import, train, recommend, doctor: each says what is next", async () => {
    const imported = await cli(cwd, "import", "films.csv", ...columns, "--items", "titles.csv");
    expect(imported).toMatchObject({ code: 0, stderr: "" });
    expect(imported.stdout).toMatch(
      /imported 510 rows of csv \(0 bad\): .*480 interaction.*; 510 new events/,
    );
    expect(imported.stdout).toMatch(/next: node \S+ train/);
    const again = await cli(cwd, "import", "films.csv", ...columns, "--items", "titles.csv");
    expect(again.stdout).toContain("0 new events, 510 known already; the log now holds 510");

    const untrained = await cli(cwd, "recommend", "--user", "user 1");
    expect(untrained.stdout).toContain("not_trained: ");
    const reasons = await cli(cwd, "doctor", "--user", "nobody");
    expect(reasons.stdout).toMatch(/warning {2}user: unknown_user: .*\n +mend it: check the id/);
    expect(reasons.stdout).toMatch(/warning {2}user: not_trained: .*\n +mend it: node \S+ train/);
    const trained = await cli(cwd, "train", "--json", "out/train.json", "--quiet");
    expect(trained.code).toBe(0);
    expect(JSON.parse(readFileSync(join(cwd, "out", "train.json"), "utf8"))).toMatchObject({
      users: 40,
      items: 30,
      interactions: 480,
    });

    const recommended = await cli(cwd, "recommend", "--user", "user 1", "--limit", "3");
    expect(recommended.stdout).toMatch(/The film number \d+/);
    expect(recommended.stderr).toBe("");
    const doctor = await cli(cwd, "doctor");
    expect(doctor.code).toBe(0);
    expect(doctor.stdout).toMatch(/bundle: Bundle [0-9a-f]{16}/);
  });

  test("start --data is the same in one command, in a folder of its own", async () => {
    const made = await cli(cwd, "start", "--no-serve", "--data", "films.csv", ...columns);
    expect(made.code).toBe(0);
    expect(made.stdout).toContain("upnext in .upnext/films");
    expect(made.stdout).toContain("480 new events");
    expect(made.stdout).toContain("trained on 480 interactions");
    const again = await cli(cwd, "start", "--no-serve", "--data", "films.csv");
    expect(again.stdout).toMatch(/found 480 events, 30 items/);
    // What import made is served as it is, never simulated into.
    const own = await cli(cwd, "start", "--no-serve", "--dir", ".upnext");
    expect(own.stdout).toMatch(/found 510 events/);
  });

  test("evaluate leaves no directory and writes the table as JSON", async () => {
    const fresh = workingDirectory();
    const args = [
      "--data",
      join(cwd, "films.csv"),
      ...columns,
      "--split",
      "leave-one-out",
      "--time-budget",
      "2s",
      "--json",
      "e.json",
    ];
    const { code, stdout } = await cli(fresh, "evaluate", ...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^two-stage +[01]\.\d{4} /m);
    const result = JSON.parse(readFileSync(join(fresh, "e.json"), "utf8"));
    expect(result).toMatchObject({ split: "leave-one-out", users: 40, items: 30 });
    expect(result.systems.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(["transitions", "popular", "blend", "two-stage"]),
    );
    expect((await cli(fresh, "doctor")).stdout).toContain("there is none");
  });

  test("too many bad rows refuse the import, with the lines and the way around", async () => {
    const fresh = workingDirectory();
    writeFileSync(join(fresh, "bad.csv"), `user,item,time\na,b,1700000000\na,c,never\n`);
    const { code, stderr } = await cli(fresh, "import", "bad.csv");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error too_many_bad_rows: .*1 of 2 rows are bad.*--max-bad 0\.5/);
    expect(stderr).toContain("bad.csv:3: ");
  });
});

test("a reader that goes away early is no failure", async () => {
  const running = start(workingDirectory(), ["--help"]);
  running.process.stdout?.destroy();
  const [code] = await once(running.process, "exit");
  expect(code).toBe(0);
});
