/** Two processes on one directory: a writer and a replica, in memory of their own, then over HTTP on one Redis. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { catalogDigest } from "../../src/catalog/index.ts";
import { open, type Upnext, type UpnextConfig } from "../../src/upnext.ts";
import { removeDirectories, start, workingDirectory } from "../cli/spawn-cli.ts";
import { type RedisServer, redisMissing, redisServer } from "../servers/redis.ts";
import { CONFIG, catalogIn, END, openAt, simulated, temporary } from "./harness.ts";

const PATIENT = 60_000;

describe("a replica beside the writer", () => {
  let home: { path: string; remove(): Promise<void> };
  let writer: Upnext;
  let replica: Upnext;
  beforeEach(async () => {
    home = await temporary();
    writer = await openAt(home.path);
    await writer.track(simulated.slice(0, 3000));
    replica = await openAt(home.path, { replica: true });
  });
  afterEach(async () => {
    await replica.close();
    await writer.close();
    await home.remove();
  });

  it("reflects what the writer was told, at once", async () => {
    const item = { kind: "item", item: "brand-new", facts: { title: "New" } } as const;
    const { offset } = await writer.track([
      item,
      { kind: "interaction", user: "both", item: "brand-new", type: "like" },
    ]);
    const answer = await replica.recommend({
      user: "both",
      after: offset,
      allowSeen: true,
      include: ["brand-new"],
      budgetMs: PATIENT,
    });
    expect(answer.items.map((one) => one.item)).toEqual(["brand-new"]);
    expect((await replica.state("both")).touches).toEqual((await writer.state("both")).touches);
    expect(catalogDigest(catalogIn(replica))).toBe(catalogDigest(catalogIn(writer)));
  });

  it("hands what it is told to the writer, and both reflect it", async () => {
    const event = {
      kind: "interaction",
      id: "from-replica",
      user: "both",
      item: "v1",
      type: "like",
    } as const;
    const told = await replica.track(event);
    expect(told).toMatchObject({ accepted: 1, duplicates: 0, forgotten: 0 });
    expect(await writer.track(event)).toMatchObject({ accepted: 0, duplicates: 1 });
    for (const instance of [writer, replica]) {
      const answer = await instance.recommend({
        user: "both",
        after: told.offset,
        log: false,
        budgetMs: PATIENT,
      });
      expect(answer.offset).toBeGreaterThanOrEqual(told.offset);
      expect((await instance.state("both")).touches.map(({ id }) => id)).toEqual(["from-replica"]);
    }
  });

  it("answers what can be computed again to the bit, while events come in on both sides", async () => {
    const asked: string[] = [];
    const telling = async (instance: Upnext, name: string) => {
      for (let n = 0; n < 40; n++) {
        await instance.track({
          kind: "interaction",
          id: `${name}${n}`,
          user: "u1",
          item: `v${n}`,
          type: "like",
        });
      }
    };
    const asking = async () => {
      for (let n = 0; n < 25; n++) {
        const request = `asked-${n}`;
        await replica.recommend({ user: "u1", request, budgetMs: PATIENT });
        asked.push(request);
      }
    };
    await Promise.all([telling(writer, "w"), telling(replica, "r"), asking()]);
    const answers = new Map<string, unknown>();
    for (const request of asked) {
      const again = await writer.replay(request);
      answers.set(request, again.offset);
      const logged = await replica.replay(request);
      expect([...again.scores]).toEqual([...logged.scores]);
      expect(again.query.items).toEqual(logged.query.items);
    }
    expect(new Set(answers.values()).size).toBeGreaterThan(5);
    expect((await writer.state("u1")).touches).toEqual((await replica.state("u1")).touches);
  });

  it("has the writer forget, and has forgotten itself when the receipt is there", async () => {
    const receipt = await replica.forget("u1");
    expect(receipt).toMatchObject({ user: "u1", state: { done: true } });
    expect((await replica.state("u1")).touches).toEqual([]);
    expect((await writer.state("u1")).touches).toEqual([]);
    expect(
      await replica.track({ kind: "interaction", user: "u1", item: "v1", type: "like", time: END }),
    ).toEqual(expect.objectContaining({ forgotten: 1, accepted: 0 }));
    const answer = await replica.recommend({ user: "u1", log: false, budgetMs: PATIENT });
    expect(answer.personal).toBe(false);
  });

  it("goes on answering without the writer, says that events cannot be taken, and finds the next one", async () => {
    await writer.close();
    expect((await replica.recommend({ user: "u2", log: false, budgetMs: PATIENT })).items).not.toEqual([]);
    const event = { kind: "interaction", user: "u2", item: "v1", type: "like" } as const;
    await expect(replica.track(event)).rejects.toMatchObject({ code: "log_unavailable" });
    writer = await openAt(home.path);
    expect(await replica.track(event)).toMatchObject({ accepted: 1 });
  });

  it("is refused where there is no log yet", async () => {
    const empty = await temporary();
    await expect(openAt(empty.path, { replica: true })).rejects.toMatchObject({ code: "data_not_found" });
    await empty.remove();
  });
});

describe.skipIf(redisMissing !== undefined)(
  `two servers on one Redis${redisMissing === undefined ? "" : ` (skipped: ${redisMissing})`}`,
  () => {
    let redis: RedisServer;
    const running: ReturnType<typeof start>[] = [];
    afterAll(async () => {
      for (const { process, ended } of running) {
        process.kill("SIGTERM");
        await ended;
      }
      await redis?.stop();
      removeDirectories();
    });

    async function serve(cwd: string, ...options: string[]): Promise<string> {
      const server = start(cwd, ["serve", "--port", "0", ...options]);
      running.push(server);
      return /listening on (\S+)/.exec(await server.said(/listening on \S+/))![1]!;
    }

    it("read each other's events, in any order of who is told and who is asked", async () => {
      redis = await redisServer();
      const cwd = workingDirectory();
      const config: UpnextConfig = { state: { store: "redis", url: redis.url } };
      writeFileSync(join(cwd, "upnext.config.json"), JSON.stringify(config));
      const seed = await open({ directory: join(cwd, ".upnext"), config: { ...CONFIG, ...config } });
      await seed.track(simulated.slice(0, 2000));
      await seed.close();
      const writer = await serve(cwd);
      const replica = await serve(cwd, "--replica");
      const post = async (url: string, id: string, user: string) => {
        const body = JSON.stringify({ id, user, item: `v${id.length}`, type: "like" });
        const response = await fetch(`${url}/v1/events`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
        });
        expect(response.status).toBe(200);
        return ((await response.json()) as { offset: number }).offset;
      };
      const ask = async (url: string, user: string, after: number) => {
        const response = await fetch(
          `${url}/v1/recommendations?user=${user}&after=${after}&budgetMs=5000&limit=5`,
        );
        expect(response.status).toBe(200);
        return (await response.json()) as { personal: boolean; offset: number; reasons: string[] };
      };
      for (let round = 0; round < 30; round++) {
        const user = `reader-${round}`;
        const [told, asked] = round % 2 === 0 ? [writer, replica] : [replica, writer];
        const offset = await post(told, `e-${round}`, user);
        const answer = await ask(asked, user, offset);
        expect([answer.offset >= offset, answer.reasons.includes("unknown_user")]).toEqual([true, false]);
        const state = (await (await fetch(`${asked}/v1/users/${user}/state`)).json()) as {
          touches: { id: string }[];
        };
        expect(state.touches.map(({ id }) => id)).toEqual([`e-${round}`]);
      }
    });
  },
);
