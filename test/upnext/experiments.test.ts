/** The life of experiments through the library: started, served, measured, stopped, over restarts and beside a replica. */
import { readFileSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BundleId, systemClock, type UserId } from "../../src/core/index.ts";
import { armOf } from "../../src/experiments/assignment.ts";
import { servedIn } from "../../src/experiments/index.ts";
import { openFileRegistry } from "../../src/registry/index.ts";
import type { Upnext } from "../../src/upnext.ts";
import { eventsOf, openAt, PATIENT, simulated, temporary } from "./harness.ts";

const USERS = Array.from({ length: 160 }, (_, u) => `u${u + 1}`);
const STRANGERS = Array.from({ length: 400 }, (_, u) => `stranger-${u}`);

let home: { path: string; remove(): Promise<void> };
let upnext: Upnext;
const bundles: BundleId[] = [];
beforeAll(async () => {
  home = await temporary();
  upnext = await openAt(home.path);
  await upnext.track(simulated.slice(0, 4_000));
  bundles.push((await upnext.train()).bundle);
  await upnext.track(simulated.slice(4_000));
  bundles.push((await upnext.train()).bundle);
}, 120_000);
afterAll(async () => {
  await upnext?.close();
  await home?.remove();
});

const ask = (user: string, more: object = {}) =>
  upnext.recommend({ user, limit: 10, budgetMs: PATIENT, ...more });
const half = (a: object, b: object) =>
  [
    { name: "A", share: 0.5, ...a },
    { name: "B", share: 0.5, ...b },
  ] as const;
const armIn = (name: string, user: string) => {
  const arms = half({}, {});
  return arms[armOf({ name, arms }, user as UserId)]!.name;
};

type Report = Awaited<ReturnType<Upnext["experiment"]>>["report"];

/** What users did, but for rounding; of one who was forgotten, an instance that runs on still knows how many answers. */
function expectSame(one: Report, other: Report): void {
  expect(one.arms.map(({ users }) => users)).toEqual(other.arms.map(({ users }) => users));
  expect(one.ratio.mismatch).toBe(other.ratio.mismatch);
  expect(one.verdict.kind).toBe(other.verdict.kind);
  for (const [m, { values }] of one.metrics.entries()) {
    for (const [a, value] of values.entries()) expect(value).toBeCloseTo(other.metrics[m]!.values[a]!, 9);
  }
}

describe("an experiment with settings", () => {
  it("gives every user an arm of its own settings, and says which", async () => {
    const before = await Promise.all(USERS.slice(0, 30).map((user) => ask(user, { log: false })));
    expect(before.every(({ arms }) => arms.length === 0)).toBe(true);
    await upnext.startExperiment({
      name: "weights",
      arms: half({}, { headWeights: { engage: 0.25 }, candidates: 60 }),
    });
    for (const [i, user] of USERS.slice(0, 30).entries()) {
      const answer = await ask(user, { log: false, explain: true });
      const arm = armIn("weights", user);
      expect(answer.arms).toEqual([{ experiment: "weights", arm, served: true }]);
      const engage = answer.items[0]!.why!.heads.find(({ name }) => name === "engage")!;
      expect(engage.weight).toBe(arm === "A" ? 1 : 0.25);
      const ranked = answer.trace.stages.find(({ stage }) => stage === "blend")!.out;
      if (arm === "B") expect(ranked).toBeLessThanOrEqual(60);
      else expect(answer.items.map(({ item }) => item)).toEqual(before[i]!.items.map(({ item }) => item));
    }
  });

  it("is in what was shown, which is replayed to the bit", async () => {
    const user = USERS.find((each) => armIn("weights", each) === "B")!;
    const answer = await ask(user);
    await expect
      .poll(async () => {
        const found = (await eventsOf(home.path)).find(
          ({ event }) => event.kind === "impression" && event.request === answer.request,
        )?.event;
        return found?.kind === "impression" ? servedIn(found.context?.request) : undefined;
      })
      .toEqual({ arms: answer.arms, ms: expect.any(Number) });
    const again = await upnext.replay(answer.request);
    expect(Array.from(again.slate.order, (rank) => again.scores[rank])).toEqual(
      answer.items.map(({ score }) => score),
    );
  });

  it("lets another one start beside it that changes something else, and none that changes the same", async () => {
    const other = { name: "diversity", arms: half({}, { policy: { diversity: 0.6 } }) };
    await upnext.startExperiment(other);
    const { arms } = await ask(USERS[0]!, { log: false });
    expect(arms.map(({ experiment }) => experiment)).toEqual(["weights", "diversity"]);
    for (const [name, given] of [
      ["again", half({}, { headWeights: { engage: 2 } })],
      ["diversity", half({}, { policy: { explore: 0.1 } })],
    ] as const) {
      await expect(upnext.startExperiment({ name, arms: given })).rejects.toMatchObject({
        code: "experiment_conflict",
      });
    }
  });

  it.each([
    [{ name: "a b" }, "name"],
    [{ arms: half({}, {}) }, "differ"],
    [{ arms: half({}, { headWeights: { engge: 1 } }) }, 'did you mean "engage"'],
    [{ arms: half({ share: 0.6 }, { candidates: 9 }) }, "shares"],
    [{ arms: half({}, { policy: { diversity: 2 } }) }, "policy.diversity"],
    [{ metric: "clicks" }, "metric"],
  ])("refuses what it cannot be: %j", async (change, words) => {
    const start = { name: "wrong", arms: half({}, { candidates: 100 }), ...change };
    await expect(upnext.startExperiment(start)).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining(words),
    });
  });

  it("measures what users do from their first slate on, by arm, and says how many are missing", async () => {
    const early = await upnext.experiment("weights");
    expect(early.report.verdict).toMatchObject({ kind: "early" });
    for (const user of USERS) {
      const { request, items } = await ask(user);
      const item = items[0]!.item;
      // Every user of B watches twice as much.
      const times = armIn("weights", user) === "A" ? 1 : 2;
      await upnext.track(
        Array.from({ length: times }, (_, i) => ({
          kind: "interaction" as const,
          id: `w-${user}-${i}`,
          user,
          item,
          type: "watch" as const,
          value: 1,
          request,
        })),
      );
    }
    await expect.poll(async () => (await upnext.experiment("weights")).report.users).toBe(USERS.length);
    const { report, history } = await upnext.experiment("weights");
    expect(report.arms.map(({ users }) => users)).toEqual(
      ["A", "B"].map((arm) => USERS.filter((user) => armIn("weights", user) === arm).length),
    );
    const metric = report.metrics[0]!;
    expect(metric.name).toBe("long-watch-rate");
    // One slate of ten each; the users that were asked before have seen more.
    expect(metric.values[1]! / metric.values[0]!).toBeCloseTo(1 + metric.difference!.value, 6);
    expect(metric.difference!.value).toBeGreaterThan(0.7);
    expect(report.verdict).toMatchObject({ kind: "better", moreUsers: null });
    expect(report.verdict.sentence).toMatch(/^B has .* % more long watches per item shown than A/);
    expect(history.at(-1)).toMatchObject(metric.difference!);
    expect(report.ratio.mismatch).toBe(false);
    for (const arm of report.arms) expect(arm.p99Ms).toBeGreaterThan(0);
  });

  it("counts nobody who was forgotten, and what strangers to it do", async () => {
    const { report: before } = await upnext.experiment("weights");
    await upnext.track({ kind: "interaction", user: "outsider", item: "v1", type: "like" });
    await upnext.forget(USERS[3]!);
    const { report } = await upnext.experiment("weights");
    expect(report.users).toBe(before.users - 1);
    const likes = report.metrics.find(({ name }) => name === "approval-rate")!;
    expect(likes.values).toEqual([0, 0]);
  });

  it("is the same after a restart, in a replica, and there within seconds", async () => {
    const before = await upnext.experiment("weights");
    const replica = await openAt(home.path, { replica: true });
    const [user] = USERS;
    expect((await replica.recommend({ user: user!, log: false })).arms).toEqual(
      (await ask(user!, { log: false })).arms,
    );
    const seen = await replica.experiment("weights");
    expectSame(seen.report, before.report);
    await upnext.stopExperiment("diversity");
    await replica.refresh();
    expect((await replica.recommend({ user: user!, log: false })).arms).toHaveLength(1);
    await replica.close();
    await upnext.close();
    upnext = await openAt(home.path);
    expect((await ask(user!, { log: false })).arms).toHaveLength(1);
    const after = await upnext.experiment("weights");
    expectSame(after.report, before.report);
  });

  it("keeps its last word when it is stopped, and nobody is in it then", async () => {
    const { report } = await upnext.stopExperiment("weights");
    expect((await ask(USERS[0]!, { log: false })).arms).toEqual([]);
    const kept = await upnext.experiment("weights");
    expect(kept.report).toEqual(report);
    expect(kept.history.length).toBeGreaterThan(0);
    expect((await upnext.experiments()).map(({ name, sentence }) => [name, sentence === null])).toEqual([
      ["diversity", false],
      ["weights", false],
    ]);
    await expect(upnext.stopExperiment("weights")).rejects.toMatchObject({ code: "experiment_conflict" });
    await expect(upnext.stopExperiment("nothing")).rejects.toMatchObject({ code: "unknown_experiment" });
  });
});

describe("an experiment with bundles", () => {
  it("answers each arm with its own, and pins the other one to what is in service", async () => {
    const current = (await upnext.status()).bundle!.id;
    const other = bundles.find((bundle) => bundle !== current)!;
    const started = await upnext.startExperiment({ name: "bundles", arms: half({}, { bundle: other }) });
    expect(started.arms.map(({ bundle }) => bundle)).toEqual([current, other]);
    expect(started.problem).toBeNull();
    const served = new Set<string | null>();
    for (const user of USERS.slice(0, 20)) {
      const answer = await ask(user, { log: false });
      const wanted = armIn("bundles", user) === "A" ? current : other;
      expect(answer.bundle).toBe(wanted);
      served.add(answer.bundle);
    }
    expect(served.size).toBe(2);
  });

  it("goes on with both when another bundle comes into service, and back", async () => {
    const answers = async () =>
      Promise.all(USERS.slice(0, 20).map(async (user) => (await ask(user, { log: false })).bundle));
    const before = await answers();
    const registry = await openFileRegistry(join(home.path, "bundles"), { clock: systemClock });
    const first = (await registry.current())!;
    for (const bundle of [bundles.find((each) => each !== first)!, first]) {
      await registry.promote(bundle);
      await upnext.refresh();
      expect((await upnext.status()).bundle!.id).toBe(bundle);
      expect(await answers()).toEqual(before);
    }
  });

  it("answers as everybody is answered where a bundle cannot be loaded, says so, and counts them all the same", async () => {
    await upnext.close();
    const current = JSON.parse(readFileSync(join(home.path, "bundles/pointers.json"), "utf8")).standing[0];
    const other = bundles.find((bundle) => bundle !== current)!;
    const folder = join(home.path, "bundles", other);
    await rename(folder, `${folder}.gone`);
    upnext = await openAt(home.path);
    const user = STRANGERS.find((each) => armIn("bundles", each) === "B")!;
    const answer = await ask(user);
    expect(answer.bundle).toBe(current);
    expect(answer.arms).toEqual([{ experiment: "bundles", arm: "B", served: false }]);
    const { checks } = await upnext.status();
    expect(checks.find(({ name }) => name === "experiments")).toMatchObject({ level: "warning" });
    expect((await upnext.experiments())[0]!.problem).toContain(other);
    await expect
      .poll(async () => (await upnext.experiment("bundles")).report.arms[1])
      .toMatchObject({
        users: 1,
        fallbacks: 1,
      });
    await rename(`${folder}.gone`, folder);
    await upnext.refresh();
    expect((await ask(user, { log: false })).bundle).toBe(other);
    await upnext.stopExperiment("bundles");
  });

  it("starts none whose bundle does not load", async () => {
    const arms = half({}, { bundle: "0000000000000000" });
    await expect(upnext.startExperiment({ name: "lost", arms })).rejects.toMatchObject({ code: "no_bundle" });
    expect((await upnext.experiments()).map(({ name }) => name)).not.toContain("lost");
    expect((await upnext.status()).checks.map(({ name }) => name)).not.toContain("experiments");
  });
});

it("goes on with what it knew where the file of experiments is damaged, and says so", async () => {
  await upnext.startExperiment({ name: "kept", arms: half({}, { candidates: 100 }) });
  const path = join(home.path, "experiments.json");
  const whole = readFileSync(path, "utf8");
  writeFileSync(path, whole.slice(0, 40));
  await upnext.refresh();
  expect((await ask(USERS[0]!, { log: false })).arms).toHaveLength(1);
  expect((await upnext.status()).checks.find(({ name }) => name === "experiments")?.message).toContain(path);
  await expect(
    upnext.startExperiment({ name: "next", arms: half({}, { policy: { explore: 0.1 } }) }),
  ).rejects.toMatchObject({ code: "experiments_corrupt" });
  writeFileSync(path, whole);
  await upnext.refresh();
  expect((await upnext.status()).checks.map(({ name }) => name)).not.toContain("experiments");
});
