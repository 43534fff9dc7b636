/**
 * `npm run chaos -- load [--rate 60] [--seconds 6] [--only train,worker] [--workers 2] [--size small] [--seed 1]`: faults
 * while requests come in open loop.
 *
 * Each fault has three parts of as many seconds: before it, while it lasts, and after it. The server is `upnext serve` in
 * a process of its own over a copy of the platform that `npm run bench -- serve` makes.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NUMBER, type Traffic } from "../bench/load/generator.ts";
import { get, post } from "../bench/load/requests.ts";
import { type LoadGenerator, loadOf, startGenerator } from "../bench/load/start.ts";
import type { Window } from "../bench/load/tally.ts";
import { type Platform, platformOf } from "../bench/serve/platform.ts";
import { type RunningServer, serveCopy } from "../bench/serve/server.ts";
import { CONFIG, FITTING, SIZES } from "../bench/serve/sizes.ts";
import { open } from "../src/upnext.ts";
import { FAULTS, type Fault } from "./parts/load-faults.ts";
import { optionsOf } from "./parts/options.ts";
import { type Outcome, say } from "./parts/outcome.ts";
import { withFolder } from "./parts/scratch.ts";

export const about =
  "training, another bundle, compaction, dead workers, slow and hostile clients, SIGTERM, while requests come: how many are late or lost";

/** A server that has just begun compiles what it runs. */
const WARM_SECONDS = 3;
/** Events beside each recommendation. */
const EVENTS = 0.2;

interface Options {
  readonly rate: number;
  readonly seconds: number;
  readonly seed: string;
}

interface Setting extends Options {
  readonly server: RunningServer;
  readonly generator: LoadGenerator;
  readonly platform: Platform;
}

/** What became of the requests of some seconds, as shares of those that were planned. */
interface Part {
  readonly planned: number;
  readonly full: number;
  readonly "within 50 ms": number;
  readonly rejected: number;
  readonly failed: number;
  /** Of the second that was worst. */
  readonly "p99_ms, worst second": number;
}

export async function run(args: readonly string[]): Promise<Outcome> {
  const options = optionsOf(args, { rate: 60, seconds: 6, only: "", workers: 2, size: "small", seed: "1" });
  const only = options.only.split(",");
  const faults = options.only === "" ? FAULTS : FAULTS.filter(({ name }) => only.includes(name));
  const platform = await platformOf(SIZES[options.size]!, CONFIG, FITTING, say);
  const generator = startGenerator();
  const figures: Record<string, unknown> = { options };
  const broken: string[] = [];
  try {
    await withFolder("load", async (folder) => {
      for (const fault of faults) {
        say(`${fault.name}: ${fault.about}`);
        const args = fault.workers ? ["--workers", String(options.workers)] : [];
        const directory = join(folder, fault.name);
        const server = await serveCopy(platform, { directory, config: CONFIG, args });
        try {
          const found = await underFault(fault, { ...options, server, generator, platform });
          figures[fault.name] = found.figures;
          broken.push(...found.broken.map((promise) => `${fault.name}: ${promise}`));
        } finally {
          await server.stop();
        }
      }
    });
  } finally {
    await generator.close();
  }
  return { broken, figures };
}

async function underFault(fault: Fault, setting: Setting): Promise<Outcome> {
  const { server, generator, platform, rate, seconds, seed } = setting;
  const traffic = trafficOf(platform.busy);
  const total = rate * (1 + EVENTS);
  await generator.ask(loadOf(server.port, total, WARM_SECONDS, { traffic, seed: `warm ${seed}` }));
  const reporting = generator.ask(loadOf(server.port, total, 3 * seconds, { traffic, seed }));
  await sleep(1_000 * seconds);
  const began = performance.now();
  const result = await fault.commit({ server, platform }, seconds);
  const lasted = (performance.now() - began) / 1_000;
  const report = await reporting;
  const { windows, failures } = report.traffic["recommendations"]!;
  const { acknowledged } = report.traffic["events"]!;
  const parts = {
    before: partOf(windows.slice(0, seconds)),
    during: partOf(windows.slice(seconds, seconds + Math.max(1, Math.min(seconds, Math.ceil(lasted))))),
    after: partOf(windows.slice(2 * seconds)),
  };
  const lost = fault.ends ? await lostOf(server.directory, acknowledged) : 0;
  const { invalid } = report.generator;
  for (const [name, part] of Object.entries(parts)) say(`  ${name.padEnd(7)} ${JSON.stringify(part)}`);
  return {
    broken: [...result.broken, ...brokenOf(fault, parts, lost)],
    figures: {
      ...result.figures,
      "seconds of the fault": Number(lasted.toFixed(1)),
      parts: Object.entries(parts).map(([when, part]) => ({ when, ...part })),
      failures,
      ...(fault.ends && { acknowledged: acknowledged.length, lost }),
      ...(invalid !== null && { invalid }),
    },
  };
}

function trafficOf(users: readonly string[]): readonly Traffic[] {
  const told = (user: string, i: number) =>
    post(
      "/v1/events",
      JSON.stringify({
        kind: "interaction",
        id: `load-${NUMBER}`,
        user,
        item: `v${1 + (i % 500)}`,
        type: "like",
      }),
    );
  return [
    {
      name: "recommendations",
      share: 1,
      requests: users.map((user) => get(`/v1/recommendations?user=${user}`)),
    },
    { name: "events", share: EVENTS, requests: users.map(told), numbered: true },
  ];
}

function partOf(windows: readonly Window[]): Part {
  const sum = (of: (window: Window) => number) => windows.reduce((total, window) => total + of(window), 0);
  const planned = sum((window) => window.planned);
  const share = (count: number) => Math.round((1_000 * count) / Math.max(1, planned)) / 1_000;
  return {
    planned,
    full: share(sum((window) => window.full)),
    "within 50 ms": share(sum((window) => window.inTime)),
    rejected: share(sum((window) => window.rejected)),
    failed: share(sum((window) => window.failed)),
    "p99_ms, worst second": Math.round(Math.max(0, ...windows.map(({ p99_ms }) => p99_ms))),
  };
}

/** Latency is compared with what it was before the fault: what else the machine does is in both. */
function brokenOf(
  fault: Fault,
  { before, during, after }: Readonly<Record<string, Part>>,
  lost: number,
): string[] {
  const broken: string[] = [];
  const expect = (what: string, found: number, atLeast: number) => {
    if (found < atLeast)
      broken.push(`${what} at least ${atLeast.toFixed(3)} of the requests, found ${found}`);
  };
  if (lost > 0) broken.push(`nothing acknowledged is lost, found ${lost} events that are not in the log`);
  if (fault.ends) return broken;
  expect("answered during it", 1 - during!.failed - during!.rejected, 1 - fault.mayTake);
  expect("within 50 ms during it", during!["within 50 ms"], before!["within 50 ms"] - fault.mayTake);
  expect("within 50 ms after it", after!["within 50 ms"], before!["within 50 ms"] - 0.01);
  return broken;
}

/** Of the acknowledged events, those that are not in the log that the server has left. */
async function lostOf(directory: string, acknowledged: readonly number[]): Promise<number> {
  const instance = await open({ directory, config: CONFIG });
  try {
    const events = acknowledged.map((number) => ({
      kind: "interaction" as const,
      id: `load-${String(number).padStart(NUMBER.length, "0")}`,
      user: "lost",
      item: "v1",
      type: "like" as const,
    }));
    // An id that the log has is not taken twice.
    return events.length === 0 ? 0 : (await instance.track(events)).accepted;
  } finally {
    await instance.close();
  }
}
