/** `serve --workers`: several processes on one port, as one server. */
import { writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { descendants } from "../../bench/serve/processes.ts";
import { open, type UpnextConfig } from "../../src/upnext.ts";
import { simulated } from "../upnext/harness.ts";
import { cli, type Running, removeDirectories, start, workingDirectory } from "./spawn-cli.ts";

const CONFIG: UpnextConfig = {
  retrieval: { sources: ["transitions", "popular"], candidates: 50, perSource: 50 },
  training: { holdOut: 0, maxLists: 50, timeBudget: 1000 },
};
const PATIENCE_MS = 20_000;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Each on a connection of its own: the workers take turns. */
function ask(url: string, method = "GET", body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const sent = httpRequest(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode!, body: text }));
    });
    sent.setTimeout(PATIENCE_MS / 2, () => sent.destroy(new Error(`${method} ${url}: no answer`)));
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(50)) {
    if (await Promise.resolve(holds()).catch(() => false)) return;
  }
  throw new Error(`${what}: not within ${PATIENCE_MS} ms`);
}

describe("three workers on one port", () => {
  let running: Running;
  let url: string;
  let cwd: string;
  let trained: string;

  const tell = (user: string, id: string) =>
    ask(`${url}/v1/events`, "POST", { kind: "interaction", id, user, item: "v1", type: "like" });
  const recommended = async (user: string, after = 0) =>
    JSON.parse((await ask(`${url}/v1/recommendations?user=${user}&after=${after}&budgetMs=5000`)).body) as {
      readonly offset: number;
      readonly reasons: readonly string[];
      readonly bundle: string | null;
    };

  beforeAll(async () => {
    cwd = workingDirectory();
    writeFileSync(join(cwd, "upnext.config.json"), JSON.stringify(CONFIG));
    const seed = await open({ directory: join(cwd, ".upnext"), config: CONFIG });
    await seed.track(simulated.slice(0, 2000));
    trained = (await seed.train(undefined, { rung: "popularity" })).bundle;
    await seed.promote(trained, { despite: "a test" });
    await seed.close();
    running = start(cwd, ["serve", "--port", "0", "--workers", "3"]);
    url = /listening on (\S+)/.exec(await running.said(/listening on \S+/))![1]!;
  });
  afterAll(async () => {
    running.process.kill("SIGKILL");
    await running.ended;
    removeDirectories();
  });

  test("read each other's events and serve one bundle, whoever is told and asked", async () => {
    for (let round = 0; round < 9; round++) {
      const told = await tell(`reader-${round}`, `e-${round}`);
      expect(told.status).toBe(200);
      const { offset } = JSON.parse(told.body) as { offset: number };
      const answer = await recommended(`reader-${round}`, offset);
      expect(answer.offset).toBeGreaterThanOrEqual(offset);
      expect(answer.reasons).not.toContain("unknown_user");
      expect(answer.bundle).toBe(trained);
    }
  });

  test("have one page of metrics, and forget for each other", async () => {
    const count = async () => {
      const { body } = await ask(`${url}/metrics`);
      return Number(/upnext_requests_total\{route="\/v1\/events".*\} (\d+)/.exec(body)?.[1]);
    };
    expect(await count()).toBe(9);
    expect(await count()).toBe(9);
    for (let round = 0; round < 3; round++) {
      const forgotten = await ask(`${url}/v1/users/reader-${round}`, "DELETE");
      expect(forgotten.status).toBe(200);
    }
    expect((await recommended("reader-1")).reasons).toContain("unknown_user");
  });

  test("one that is killed is started again; the others go on", async () => {
    const before = descendants(running.process.pid!);
    expect(before).toHaveLength(3);
    // The second is no writer.
    process.kill(before[1]!, "SIGKILL");
    await until("three again", () => {
      const now = descendants(running.process.pid!);
      return now.length === 3 && !now.includes(before[1]!);
    });
    for (let i = 0; i < 6; i++) expect((await recommended("u1")).bundle).toBe(trained);
    process.kill(before[0]!, "SIGKILL");
    await until(
      "events are taken again",
      async () => (await tell("late", `late-${Date.now()}`)).status === 200,
    );
    expect((await recommended("late")).reasons).not.toContain("unknown_user");
    await until("a replica again", async () => {
      const statuses = await Promise.all(Array.from({ length: 3 }, () => ask(`${url}/readyz`)));
      return statuses.every(({ status }) => status === 200);
    });
  });

  test("all end with a signal, and nothing acknowledged is lost", async () => {
    const acknowledged: string[] = [];
    let stopped = false;
    const telling = (async () => {
      for (let i = 0; !stopped; i++) {
        const answer = await tell("last", `last-${i}`).catch(() => undefined);
        if (answer?.status === 200) acknowledged.push(`last-${i}`);
      }
    })();
    await until("some events", () => acknowledged.length > 5);
    running.process.kill("SIGTERM");
    const { code, stdout } = await running.ended;
    stopped = true;
    await telling;
    expect(code).toBe(0);
    expect(stdout).toContain("SIGTERM: finishing requests under way");
    const again = await open({ directory: join(cwd, ".upnext"), config: CONFIG });
    const held = new Set((await again.state("last")).touches.map(({ id }) => id as string));
    await again.close();
    expect(acknowledged.filter((id) => !held.has(id))).toEqual([]);
  });
});

test("a worker that cannot start ends them all with its own message", async () => {
  const cwd = workingDirectory();
  const ended = await cli(cwd, "serve", "--port", "0", "--workers", "2", "--replica");
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain("error data_not_found");
});
