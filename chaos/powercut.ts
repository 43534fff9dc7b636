/**
 * `npm run chaos -- powercut [--cuts 50] [--seed 1] [--only ingest] [--redis-cuts 8] [--toothless-cuts 10]`, as root: the power goes at random
 * moments, and nothing that was acknowledged is lost.
 *
 * The same cuts with fsync switched off have to lose something: otherwise they would have no teeth. What Redis loses
 * with each of its settings is printed, and is no promise of ours.
 */
import { Random } from "../src/core/index.ts";
import { redisMissing } from "../test/servers/redis.ts";
import { KINDS, kindsNamed, UNSYNCED } from "./parts/kinds.ts";
import { type Kind, Lane, type Tally } from "./parts/lane.ts";
import { LoopDisk, whyNoLoopDisk } from "./parts/loop-disk.ts";
import { optionsOf } from "./parts/options.ts";
import { type Outcome, say, table } from "./parts/outcome.ts";
import { type RedisLoss, redisLosses } from "./parts/redis-cuts.ts";
import { withFolder } from "./parts/scratch.ts";

export const about = "the power goes (root, Linux): nothing acknowledged is lost, and without fsync much is";

/** The sources are run as they are. */
export const needsBuild = false;

/** Longer than that of a kill: what is missed here is what was written, and not when. */
const WINDOW_MS = 1000;

export async function run(args: readonly string[]): Promise<Outcome> {
  const options = optionsOf(args, { cuts: 50, seed: "1", only: "", "redis-cuts": 8, "toothless-cuts": 10 });
  const refusal = whyNoLoopDisk();
  if (refusal !== undefined)
    return { broken: [`powercut cannot run here: ${refusal}`], figures: { options } };
  const random = new Random(`powercut ${options.seed}`);
  const tallies: Record<string, Tally> = {};
  const cut = (kind: Kind, cuts: number) =>
    withFolder("powercut", async (folder) =>
      cuts > 0 ? cutLane(kind, folder, cuts, random.fork(kind.name)) : undefined,
    );
  const kinds = kindsNamed(
    options.only,
    KINDS.filter(({ inPowerCuts }) => inPowerCuts),
  );
  for (const [i, kind] of kinds.entries()) {
    const cuts =
      Math.floor((options.cuts * (i + 1)) / kinds.length) - Math.floor((options.cuts * i) / kinds.length);
    const tally = await cut(kind, cuts);
    if (tally !== undefined) tallies[kind.name] = tally;
  }
  const unsynced = await cut(UNSYNCED, options["toothless-cuts"]);
  const redis: Record<string, RedisLoss> = {};
  for (const appendfsync of ["everysec", "always"] as const) {
    if (redisMissing !== undefined || options["redis-cuts"] === 0) continue;
    redis[appendfsync] = await withFolder("powercut", async (folder) => {
      const disk = await LoopDisk.make(folder);
      try {
        return await redisLosses(disk, appendfsync, options["redis-cuts"], random.fork(appendfsync));
      } finally {
        await disk.remove();
      }
    });
    say(`redis ${appendfsync}: ${options["redis-cuts"]} cuts`);
  }

  say(shown(tallies, unsynced, redis));
  const figures = { options, tallies, withoutFsync: unsynced, redis: redisMissing ?? redis };
  return { broken: brokenOf(tallies, unsynced), figures };
}

async function cutLane(kind: Kind, folder: string, cuts: number, random: Random): Promise<Tally> {
  let disk: LoopDisk | undefined;
  const lane = new Lane(
    kind,
    {
      windowMs: WINDOW_MS,
      async begin() {
        await disk?.remove();
        disk = await LoopDisk.make(folder);
        return disk.path;
      },
      end: (running) => disk!.cut(running.pid, () => running.kill()),
    },
    random,
  );
  try {
    return await lane.run(cuts, (done) => {
      if (done % 10 === 0 || done === cuts) say(`${kind.name}: ${done} of ${cuts} cuts`);
    });
  } finally {
    await disk?.remove();
  }
}

function brokenOf(tallies: Readonly<Record<string, Tally>>, unsynced: Tally | undefined): string[] {
  const broken = Object.entries(tallies).flatMap(([name, { wrongs, refusedToStart }]) => [
    ...Object.entries(wrongs).flatMap(([what, count]) =>
      count > 0 ? [`${name}: ${what} 0, found ${count}`] : [],
    ),
    ...refusedToStart.map((complaint) => `${name}: starts after every cut, found: ${complaint}`),
  ]);
  if (unsynced !== undefined && unsynced.wrongs.lost === 0) {
    broken.push("no teeth: without fsync the same cuts have to lose something, and they lost nothing");
  }
  return broken;
}

function shown(
  tallies: Readonly<Record<string, Tally>>,
  unsynced: Tally | undefined,
  redis: Readonly<Record<string, RedisLoss>>,
): string {
  const rows = Object.entries({ ...tallies, ...(unsynced && { "without fsync": unsynced }) }).map(
    ([name, { ends, acknowledged, wrongs }]) => [
      name,
      ends,
      acknowledged,
      wrongs.lost,
      wrongs.repeated,
      wrongs.states,
    ],
  );
  const redisRows = Object.entries(redis).map(([name, { cuts, acknowledged, lost }]) => [
    `redis ${name}`,
    cuts,
    acknowledged,
    lost,
    "",
    "",
  ]);
  return table([["cut in", "cuts", "acknowledged", "lost", "repeated", "states"], ...rows, ...redisRows]);
}
