/** What keeps a directory: backup and restore, forgetting, user states and the stores that they move between. */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisMissing, redisServer } from "../servers/redis.ts";
import { cli, removeDirectories, start, workingDirectory } from "./spawn-cli.ts";

afterAll(removeDirectories);

/** A directory whose log has 20 users with 10 views each, the newest of u1 at 2023-11-15T07:13:27Z. */
async function directoryWithLog(): Promise<string> {
  const cwd = workingDirectory();
  const rows = ["user,item,time"];
  for (let user = 0; user < 20; user++) {
    for (let step = 0; step < 10; step++)
      rows.push(`u${user},v${(user + step) % 15},${1_700_000_000 + user * 7 + step * 3600}`);
  }
  writeFileSync(join(cwd, "views.csv"), `${rows.join("\n")}\n`);
  expect((await cli(cwd, "import", "views.csv")).code).toBe(0);
  return cwd;
}

describe("the state of a user", () => {
  let cwd: string;
  beforeAll(async () => {
    cwd = await directoryWithLog();
  });

  test.concurrent("now, at a time, and as a request saw it", async () => {
    const now = await cli(cwd, "state", "show", "u1");
    expect(now.stdout).toMatch(
      /^u1: 10 touches, 0 vetoes\n\ntime +type +item +value +surface +event\n2023-11-15T07:13:27\.000Z +view +v10 /,
    );
    const then = await cli(cwd, "state", "show", "u1", "--at", "2023-11-15T00:00:00Z");
    expect(then.stdout).toMatch(/^u1: 2 touches/);
    const seen = JSON.parse((await cli(cwd, "state", "show", "u1", "--offset", "0", "--json")).stdout);
    expect(seen).toEqual({ user: "u1", touches: [], vetoes: [], erasedAt: null });
  });

  test.concurrent("is compared with the log, by state verify and by doctor --deep", async () => {
    expect(await cli(cwd, "state", "verify")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^ok +states: lmdb:.*, 20 users at offset 200: what the log says \(SHA-256/,
      ),
    });
    const doctor = await cli(cwd, "doctor", "--deep");
    expect(doctor.code).toBe(0);
    expect(doctor.stdout).toMatch(/^ok +log files: 200 events in 1 file match their checksums\.$/m);
    expect(doctor.stdout).toMatch(/^ok +snapshots: /m);
    expect(doctor.stdout).toMatch(/^ok +states: /m);
  });
});

test("doctor --deep finds a turned bit in the log, and says where", async () => {
  const cwd = await directoryWithLog();
  const folder = join(cwd, ".upnext", "log");
  const segment = join(folder, readdirSync(folder).find((name) => name.endsWith(".log"))!);
  // Behind what is durable: a frame that was cut off is no damage.
  appendFileSync(segment, "x");
  expect((await cli(cwd, "doctor", "--deep")).code).toBe(0);
  const bytes = readFileSync(segment);
  bytes[200]! ^= 1;
  writeFileSync(segment, bytes);
  const { code, stdout } = await cli(cwd, "doctor", "--deep");
  expect(code).toBe(1);
  expect(stdout).toMatch(/^FAILURE +directory: log_corrupt: .*\.log, byte \d+: /m);
});

test("a user who is forgotten stays forgotten in an older backup", async () => {
  const cwd = await directoryWithLog();
  const made = await cli(cwd, "backup", "copy");
  expect(made.stdout).toMatch(/^copy: \d+ files?, .* kB, events 0 to 200$/m);
  expect((await cli(cwd, "backup", "copy")).stderr).toMatch(
    /^error invalid_request: .*copy: expected a name/,
  );

  const forgotten = await cli(cwd, "forget", "u3");
  expect(forgotten.stdout).toMatch(
    /^u3: forgotten until .*, by the event at offset 201\n {2}states +10 touches removed \(lmdb\)\n {2}log +10 events made anonymous, 1 file written anew\n/,
  );
  const list = await cli(cwd, "erasures");
  expect(JSON.parse(list.stdout)).toEqual({ user: "u3", time: expect.any(Number) });
  writeFileSync(join(cwd, "list"), list.stdout);

  expect((await cli(cwd, "restore", "copy")).stderr).toMatch(/^error invalid_request: .*With --replace/);
  const replaced = await cli(cwd, "restore", "copy", "--replace");
  expect(replaced.stdout).toMatch(
    /1 erasure that the backup did not know; 10 events of forgotten users made anonymous/,
  );
  expect(replaced.stdout).toContain("what was there before is .upnext.before-restore-1");
  const elsewhere = await cli(cwd, "--dir", "other", "restore", "copy", "--erasures", "list");
  expect(elsewhere.stdout).toMatch(/1 erasure that the backup did not know/);
  for (const dir of [".upnext", "other"]) {
    expect((await cli(cwd, "--dir", dir, "state", "show", "u3")).stdout).toMatch(
      /^u3: 0 touches, 0 vetoes\nforgotten: /,
    );
    expect((await cli(cwd, "--dir", dir, "doctor", "--deep")).code).toBe(0);
  }
});

test.skipIf(redisMissing !== undefined)(
  `states move to Redis beside a server, and back${redisMissing === undefined ? "" : ` (skipped: ${redisMissing})`}`,
  async () => {
    const cwd = await directoryWithLog();
    const server = await redisServer();
    try {
      const serving = start(cwd, ["serve", "--port", "0"]);
      const url = /http:\/\/\S+/.exec(await serving.said(/listening on/))![0];
      const following = start(cwd, ["state", "migrate", "--to", server.url, "--follow"]);
      const moved = await following.said(/following the log until SIGINT/);
      expect(moved).toMatch(/^20 users of lmdb:.* are in redis:.*, with every event before offset 200$/m);
      expect(moved).toContain(
        `in the configuration, state: redis({ url: "${server.url}" }); then restart the server`,
      );
      const event = { user: "u1", item: "v14", type: "like" };
      const headers = { "content-type": "application/json" };
      const sent = await fetch(`${url}/v1/events`, { method: "POST", headers, body: JSON.stringify(event) });
      expect(sent.status).toBe(200);
      following.process.kill("SIGINT");
      const followed = await following.ended;
      expect(followed.code).toBe(0);
      expect(followed.stdout).toMatch(/SIGINT: redis:\S+ has every event before offset 201$/m);
      serving.process.kill("SIGTERM");
      await serving.ended;

      writeFileSync(
        join(cwd, "upnext.config.json"),
        JSON.stringify({ state: { store: "redis", url: server.url } }),
      );
      expect((await cli(cwd, "state", "verify")).stdout).toMatch(
        /^ok +states: redis:\S+, 20 users at offset 201: /,
      );
      // The folder that was moved out of is still there.
      expect((await cli(cwd, "state", "migrate", "--to", "lmdb")).stderr).toMatch(
        /^error invalid_request: .*--clear/,
      );
      const back = await cli(cwd, "state", "migrate", "--to", "lmdb", "--clear");
      expect(back.stdout).toMatch(/^next: in the configuration, state: "lmdb"; then restart the server$/m);
      expect((await cli(cwd, "state", "clear", "--yes")).stdout).toMatch(/^redis:\S+ is empty/);
    } finally {
      await server.stop();
    }
  },
);

test("a store is not emptied under a server", async () => {
  const cwd = await directoryWithLog();
  const serving = start(cwd, ["serve", "--port", "0"]);
  await serving.said(/listening on/);
  expect((await cli(cwd, "state", "clear", "--yes")).stderr).toMatch(/^error log_locked: /);
  serving.process.kill("SIGTERM");
  await serving.ended;
  expect(await cli(cwd, "state", "clear", "--yes")).toMatchObject({ code: 0 });
  expect((await cli(cwd, "state", "verify")).stdout).toContain("once the 200 events that it lacks are in it");
});
