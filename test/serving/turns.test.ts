import { connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import type { Arrival } from "../../src/pipeline/recommender.ts";
import { fill, type Harness, startServer } from "./harness.ts";

let harness: Harness | undefined;
afterEach(() => harness?.close());

const COMPUTES_MS = 60;

it("a request that came while something was computed counts from the beginning of that", async () => {
  const arrivals: Arrival[] = [];
  let began = 0;
  // The second request is on its connection before the first one computes, and read behind it.
  const ready = () => new Promise<void>((resolve) => other.once("connect", resolve));
  let send = () => {};
  harness = await startServer({}, (upnext) => ({
    async recommend(request, arrival = {}) {
      arrivals.push(arrival);
      const first = arrivals.length === 1;
      await arrival.turn?.();
      if (first) {
        send();
        began = performance.now();
        while (performance.now() < began + COMPUTES_MS);
      }
      return upnext.recommend(request);
    },
  }));
  await fill(harness);
  const { clock } = harness.parts;
  const offset = clock.monotonic() - performance.now();
  const other = connect(harness.port, "127.0.0.1");
  await ready();
  const answered = new Promise((resolve) => other.once("data", resolve));
  send = () => void other.write("GET /v1/recommendations?user=u1 HTTP/1.1\r\nhost: upnext\r\n\r\n");
  await fetch(`${harness.url}/v1/recommendations?user=u1`);
  await answered;
  other.destroy();
  expect(arrivals).toHaveLength(2);
  expect(arrivals[1]!.acceptedAt).toBeLessThanOrEqual(began + offset + 1);
  expect(arrivals[1]!.acceptedAt).toBeGreaterThan(began + offset - COMPUTES_MS);
});

it("while a request pauses, the loop turns, and nobody else computes before it goes on", async () => {
  const happened: string[] = [];
  let send = () => {};
  harness = await startServer({}, (upnext) => ({
    async recommend(request, arrival = {}) {
      const { user } = request;
      happened.push(`${user} is read`);
      await arrival.turn?.();
      happened.push(`${user} begins`);
      if (user === "u1") {
        send();
        setTimeout(() => happened.push("something else happens"), 0);
        const began = performance.now();
        while (performance.now() < began + COMPUTES_MS);
        // Whoever has been read by now waits for a turn, too.
        await setImmediate();
      }
      await arrival.pause?.();
      happened.push(`${user} goes on`);
      return upnext.recommend(request);
    },
  }));
  await fill(harness);
  const other = connect(harness.port, "127.0.0.1");
  await new Promise<void>((resolve) => other.once("connect", resolve));
  const answered = new Promise((resolve) => other.once("data", resolve));
  send = () => void other.write("GET /v1/recommendations?user=u2 HTTP/1.1\r\nhost: upnext\r\n\r\n");
  await fetch(`${harness.url}/v1/recommendations?user=u1`);
  await answered;
  other.destroy();
  expect(happened).toEqual([
    "u1 is read",
    "u1 begins",
    "something else happens",
    "u2 is read",
    "u1 goes on",
    "u2 begins",
    "u2 goes on",
  ]);
});
