/** What a client sees that waits for each answer before it asks again: for comparison, and wrong. */
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "./connection.ts";
import { get } from "./requests.ts";
import { histogram, type Latency, quantiles, record } from "./tally.ts";

/** One request after the other, `pauseMs` after each answer. */
export async function closedLoop(port: number, seconds: number, pauseMs: number): Promise<Latency> {
  const latency = histogram(60_000, 3);
  let heard: (failure?: string) => void = () => {};
  const connection = new Connection("127.0.0.1", port, {
    answered: () => heard(),
    failed: (_connection, failure) => heard(failure),
    closed: () => {},
  });
  const bytes = Buffer.from(get("/"));
  const end = performance.now() + 1_000 * seconds;
  for (let began = performance.now(); began < end; began = performance.now()) {
    const failure = await new Promise((resolve) => {
      heard = resolve;
      connection.send(bytes);
    });
    if (failure !== undefined) throw new Error(`closed loop: ${failure}`);
    record(latency, performance.now() - began);
    await sleep(pauseMs);
  }
  connection.end("other");
  return quantiles(latency);
}
