/**
 * `npm run chaos -- kill [--kills 200] [--seed 1] [--only ingest,http] [--ready-within 2000]`: SIGKILL at random moments.
 *
 * What a kill cannot show is a missing fsync, since the kernel still has the pages: that is what `powercut` is for.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "../src/core/index.ts";
import { KINDS, kindsNamed } from "./parts/kinds.ts";
import { type Ground, type Kind, Lane, type Tally } from "./parts/lane.ts";
import { optionsOf } from "./parts/options.ts";
import { type Outcome, say, table } from "./parts/outcome.ts";
import { withFolder } from "./parts/scratch.ts";

export const about =
  "SIGKILL in the middle of every kind of work: nothing acknowledged is lost, nothing counts twice";

/** The sources are run as they are. */
export const needsBuild = false;

/** Guess: every step of each kind of work is shorter. */
const WINDOW_MS = 300;

export async function run(args: readonly string[]): Promise<Outcome> {
  const options = optionsOf(args, { kills: 200, seed: "1", only: "", "ready-within": 2000 });
  const kinds = kindsNamed(options.only, KINDS);
  const random = new Random(`kill ${options.seed}`);
  const tallies: Record<string, Tally> = {};
  await withFolder("kill", async (folder) => {
    for (const [i, kind] of kinds.entries()) {
      if (i === 0 || kind.name === "http") await translate(kind, folder);
      const kills = share(options.kills, i, kinds.length);
      const ground: Ground = {
        windowMs: WINDOW_MS,
        async begin(generation) {
          const directory = join(folder, `${kind.name}-${generation}`);
          await mkdir(directory);
          return directory;
        },
        end: (running) => running.kill(),
      };
      const lane = new Lane(kind, ground, random.fork(kind.name));
      tallies[kind.name] = await lane.run(kills, (done) => {
        if (done % 10 === 0 || done === kills) say(`${kind.name}: ${done} of ${kills} kills`);
      });
    }
  });
  say(shown(tallies));
  return { broken: brokenOf(tallies, options["ready-within"]), figures: { options, tallies } };
}

/** Starts once what will be measured: the first process that runs changed sources translates them, which takes seconds. */
async function translate(kind: Kind, folder: string): Promise<void> {
  if (kind.rent !== undefined) return;
  const directory = join(folder, `${kind.name}-first`);
  await mkdir(directory);
  const running = kind.start(directory, "first");
  await running.ready();
  await running.kill();
}

/** The whole `total`, split as evenly as it goes. */
function share(total: number, i: number, among: number): number {
  return Math.floor((total * (i + 1)) / among) - Math.floor((total * i) / among);
}

function brokenOf(tallies: Readonly<Record<string, Tally>>, readyWithin: number): string[] {
  return Object.entries(tallies).flatMap(([name, { wrongs, readyMs, refusedToStart }]) => {
    const found = Object.entries(wrongs).filter(([, count]) => count > 0);
    const broken = found.map(([what, count]) => `${name}: ${what} 0, found ${count}`);
    if (readyMs.max > readyWithin)
      broken.push(`${name}: ready within ${readyWithin} ms, found ${readyMs.max}`);
    for (const complaint of refusedToStart)
      broken.push(`${name}: starts after every kill, found: ${complaint}`);
    return broken;
  });
}

function shown(tallies: Readonly<Record<string, Tally>>): string {
  const head = [
    "killed in",
    "kills",
    "acknowledged",
    "lost",
    "repeated",
    "states",
    "catalogs",
    "remembered",
    "ready p50",
    "p99",
    "max ms",
    "CPU p50",
  ];
  const rows = Object.entries(tallies).map(([name, { ends, acknowledged, wrongs, readyMs, readyCpuMs }]) => [
    ...[name, ends, acknowledged],
    ...[wrongs.lost, wrongs.repeated, wrongs.states, wrongs.catalogs, wrongs.remembered],
    ...[readyMs.p50, readyMs.p99, readyMs.max, readyCpuMs.p50],
  ]);
  const hits = Object.entries(tallies).map(([name, each]) => {
    const parts = Object.entries(each.hits).map(([phase, count]) => `${phase} ${count}`);
    return `${name} was at: ${parts.join(", ")}`;
  });
  return [table([head, ...rows]), ...hits].join("\n");
}
