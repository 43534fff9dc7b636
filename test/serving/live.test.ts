/** The live figures, as a page reads them. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fill, type Harness, startServer } from "./harness.ts";

let harness: Harness;
beforeAll(async () => {
  harness = await startServer();
  await fill(harness);
});
afterAll(() => harness.close());

async function samples(seconds: number): Promise<Record<string, unknown>[]> {
  const answer = await fetch(`${harness.url}/v1/live?seconds=${seconds}`);
  expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const text = await answer.text();
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json!));
}

describe("GET /v1/live", () => {
  it("tells what happened since the second before, and what the newest answers were like", async () => {
    const reading = samples(2);
    await sleep(100);
    for (let i = 0; i < 5; i++) await fetch(`${harness.url}/v1/recommendations?user=u1&log=false`);
    const [first] = await reading;
    expect(first).toMatchObject({
      rungs: { popular: 5 },
      newest: { answers: 5 },
      queue: { waiting: 0, pressure: 0 },
    });
    const { perSecond, newest } = first as {
      perSecond: { recommendations: number };
      newest: { stages: { stage: string; p50: number }[]; total: { p50: number; p99: number } };
    };
    expect(perSecond.recommendations).toBeGreaterThan(2);
    expect(newest.stages.map(({ stage }) => stage)).toContain("retrieve");
    expect(newest.total.p99).toBeGreaterThanOrEqual(newest.total.p50);
  });

  it("gives all readers the same samples: it is sampled once for all of them", async () => {
    const [a, b] = await Promise.all([samples(1), samples(1)]);
    expect(a[0]!["time"]).toBe(b[0]!["time"]);
  });

  it("does not keep a server from closing", async () => {
    const other = await startServer({ drainTimeout: 8_000 });
    const reading = fetch(`${other.url}/v1/live`).then((answer) => answer.text());
    await sleep(200);
    const begin = performance.now();
    await other.close();
    await reading;
    expect(performance.now() - begin).toBeLessThan(4_000);
  });
});
