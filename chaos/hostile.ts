/**
 * `npm run chaos -- hostile [--cases 10000] [--seed 1]`: generated requests against a server with a real recommender
 * in this process. No answer may be a 5xx but `overloaded`, the server goes on, and none may stop the event loop for
 * longer than 5 ms.
 *
 * How long the loop stood still is the smaller one of a turn's wall time and its CPU time, since other work on the
 * machine makes the first longer and other threads the second; a case that took too long is sent twice more, and the
 * shortest of the three counts, which leaves out a collection of garbage that came by chance.
 */
import { connect } from "node:net";
import { processCpu, systemClock } from "../src/core/index.ts";
import { createMetrics } from "../src/monitoring/index.ts";
import { createServer } from "../src/serving/index.ts";
import { open } from "../src/upnext.ts";
import { type HostileCase, hostileCase } from "./parts/hostile-cases.ts";
import { optionsOf } from "./parts/options.ts";
import { type Outcome, quantile, say } from "./parts/outcome.ts";
import { withFolder } from "./parts/scratch.ts";

export const about = "generated hostile requests: no 5xx, and no stop of the event loop above 5 ms";

const LONGEST_MS = 5;
const AGAIN = 2;
/** A connection that gets nothing is given up after this: what was cut off is never answered. */
const PATIENCE_MS = 1_500;
const ITEMS = 500;
const USERS = 100;

interface Sent {
  readonly kind: string;
  readonly index: number;
  readonly statuses: readonly number[];
  readonly answer: string;
  readonly stoodMs: number;
}

export async function run(args: readonly string[]): Promise<Outcome> {
  const options = optionsOf(args, { cases: 10_000, seed: 1 });
  return withFolder("hostile", async (folder) => {
    const metrics = createMetrics();
    const upnext = await open({ directory: folder, metrics, config: { state: "memory" } });
    await upnext.track([...things()]);
    const settings = { port: 0, headersTimeout: 1_000, requestTimeout: 1_000 };
    const server = await createServer({ recommender: upnext, metrics, clock: systemClock, settings });
    const { url } = await server.listen();
    const outcome = await attack(Number(new URL(url).port), options.cases, options.seed);
    await server.close();
    await upnext.close();
    metrics.close();
    return outcome;
  });
}

/** Sends `cases` requests one after the other to a server of this process. */
async function attack(port: number, cases: number, seed: number): Promise<Outcome> {
  const broken: string[] = [];
  const statuses: Record<string, number> = {};
  const stood: number[] = [];
  const worst = new Map<string, Sent>();
  // The first requests compile the code of all others.
  for (let i = 0; i < Math.min(cases, 200); i++) await send(port, hostileCase(seed + 1, i), i);
  for (let index = 0; index < cases; index++) {
    const given = hostileCase(seed, index);
    let sent = await send(port, given, index);
    for (let again = 0; again < AGAIN && sent.stoodMs > LONGEST_MS; again++) {
      const next = await send(port, given, index);
      if (next.stoodMs < sent.stoodMs) sent = next;
    }
    stood.push(sent.stoodMs);
    for (const status of sent.statuses) statuses[status] = (statuses[status] ?? 0) + 1;
    if (sent.statuses.some((status) => status >= 500) && !sent.answer.includes('"code":"overloaded"')) {
      broken.push(`case ${index} (${sent.kind}) got ${sent.statuses.join()}: ${sent.answer.slice(-300)}`);
    }
    if (sent.stoodMs > (worst.get(sent.kind)?.stoodMs ?? -1)) worst.set(sent.kind, sent);
    if (index % 1_000 === 999) say(`${index + 1} of ${cases}`);
  }
  const health = await fetch(`http://127.0.0.1:${port}/healthz`);
  if (health.status !== 200) broken.push(`the server goes on: /healthz answered ${health.status}`);
  const longest = Math.max(...stood);
  if (longest > LONGEST_MS)
    broken.push(`longest stop of the event loop ${longest.toFixed(1)} ms, promised ${LONGEST_MS}`);
  if ("isAdmin" in {}) broken.push("a prototype was reached");
  return {
    broken,
    figures: {
      cases,
      seed,
      statuses,
      stoodMs: { p50: quantile(stood, 0.5), p99: quantile(stood, 0.99), longest },
      longestByKind: Object.fromEntries(
        [...worst].map(([kind, { stoodMs, index }]) => [
          kind,
          { ms: Number(stoodMs.toFixed(2)), case: index },
        ]),
      ),
    },
  };
}

function send(port: number, { kind, bytes }: HostileCase, index: number): Promise<Sent> {
  return new Promise((resolve) => {
    const watch = watchLoop();
    let answer = "";
    const socket = connect(port, "127.0.0.1");
    const giveUp = setTimeout(() => socket.destroy(), PATIENCE_MS);
    socket.setEncoding("latin1");
    socket.on("connect", () => socket.end(bytes));
    socket.on("data", (chunk: string) => {
      if (answer.length < 100_000) answer += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(giveUp);
      const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
      resolve({ kind, index, statuses, answer, stoodMs: watch() });
    });
  });
}

/** Watches every turn of the loop until the function returned is called, which tells the longest. */
function watchLoop(): () => number {
  let longest = 0;
  let over = false;
  let wall = performance.now();
  let cpu: number = processCpu();
  const turn = (): void => {
    const [nowWall, nowCpu] = [performance.now(), processCpu()];
    longest = Math.max(longest, Math.min(nowWall - wall, nowCpu - cpu));
    wall = nowWall;
    cpu = nowCpu;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    over = true;
    return longest;
  };
}

function* things() {
  for (let i = 0; i < ITEMS; i++) {
    const facts = { title: `Video ${i}`, categories: [`c${i % 20}`], creator: `m${i % 50}` };
    yield { kind: "item", item: `v${i}`, facts } as const;
  }
  for (let i = 0; i < USERS * 20; i++) {
    const user = `u${i % USERS}`;
    yield { kind: "interaction", user, item: `v${(i * 37) % ITEMS}`, type: "view" } as const;
  }
}
