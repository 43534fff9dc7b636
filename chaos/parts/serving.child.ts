/** A server with its states in Redis, over a simulated platform, trained for a short time. */
import { writeSync } from "node:fs";
import type { EpochMs } from "../../src/core/index.ts";
import { systemClock } from "../../src/core/index.ts";
import { createMetrics } from "../../src/monitoring/index.ts";
import { createServer } from "../../src/serving/index.ts";
import { simulate } from "../../src/simulation/index.ts";
import { open } from "../../src/upnext.ts";

/** Enough for a personal answer of the best rung. What more of it costs is no matter of the store. */
const RETRIEVAL = { sources: ["transitions", "covisitation", "popular"], candidates: 100, perSource: 200 };

/** Fills the directory, trains, says "serving URL", and serves until it is told something; then says "closed". */
export async function serveOver(
  directory: string,
  redis: string,
  users: string,
  events: string,
  trainingMs: string,
): Promise<void> {
  const upnext = await open({
    directory,
    config: { state: { store: "redis", url: redis }, training: { holdOut: 0 }, retrieval: RETRIEVAL },
  });
  const end = Date.now() as EpochMs;
  const size = { users: Number(users), videos: 2 * Number(users), events: Number(events) };
  for (const batch of simulate({ ...size, end })) await upnext.track(batch);
  say("filled");
  await upnext.train(undefined, { timeBudget: Number(trainingMs), maxLists: 300 });
  const metrics = createMetrics();
  const server = await createServer({
    recommender: upnext,
    metrics,
    clock: systemClock,
    settings: { port: 0 },
  });
  const { url } = await server.listen();
  say(`serving ${url}`);
  await new Promise((resolve) => process.stdin.once("data", resolve));
  await server.close();
  await upnext.close();
  metrics.close();
  say("closed");
  process.exit();
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
