/** A training beside a server: its priority, and that it stands still while requests wait. */
import { readFileSync, writeFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { descendants } from "../../bench/serve/processes.ts";
import { TrainingBeside } from "../../src/cli/training-beside.ts";
import type { EpochMs, Ms } from "../../src/core/index.ts";
import { open, type UpnextConfig } from "../../src/upnext.ts";
import { simulated } from "../upnext/harness.ts";
import { removeDirectories, start, workingDirectory } from "./spawn-cli.ts";

const HOUR = 3_600_000 as Ms;
const NOW = 1_700_000_000_000 as EpochMs;
const FOR_EVER = "setInterval(() => {}, 1000)";

afterAll(removeDirectories);

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end; await sleep(5)) if (holds()) return;
  throw new Error(`${what}: not within 20 s`);
}

/** R, S, T … of proc(5). */
function stateOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2)[0];
}

describe("a training that is due", () => {
  const said: string[] = [];
  let pressed = false;
  let beside: TrainingBeside;
  const begin = async (script: string, last?: number, every = HOUR, shell = false) => {
    beside = new TrainingBeside({
      every,
      lastTrained: async () => last as EpochMs | undefined,
      now: () => NOW,
      command: shell ? ["sh", "-c", script] : [process.execPath, "-e", script],
      pressed: () => pressed,
      say: (line) => void said.push(line),
    });
    await beside.begin();
  };
  const child = () =>
    descendants(process.pid).find((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(FOR_EVER));
  afterEach(() => beside.close());

  it("has the lowest priority, and stands still while requests wait", async () => {
    await begin(FOR_EVER);
    await until("it runs", () => child() !== undefined);
    const pid = child()!;
    expect(getPriority(pid)).toBe(19);
    pressed = true;
    await until("it stands still", () => stateOf(pid) === "T");
    pressed = false;
    await until("it goes on", () => stateOf(pid) !== "T");
    pressed = true;
    await until("it stands still again", () => stateOf(pid) === "T");
    await beside.close();
    expect(child()).toBeUndefined();
    pressed = false;
  });

  it("waits until the bundle in service is old enough", async () => {
    await begin(FOR_EVER, NOW - HOUR + 60_000);
    await sleep(300);
    expect(child()).toBeUndefined();
  });

  it("says how it ended, and tries again", async () => {
    said.length = 0;
    // A shell: with the lowest priority everything that takes processor time takes long beside other tests.
    await begin("echo error not_enough_data >&2; exit 1", undefined, 20 as Ms, true);
    await until("it has failed twice", () => said.length >= 2);
    expect(said[0]).toBe("warning: the training beside the server failed: error not_enough_data");
  });
});

it("a server begins a training by itself, and ends it with itself", async () => {
  const cwd = workingDirectory();
  const config: UpnextConfig = { training: { every: "1h" } };
  writeFileSync(join(cwd, "upnext.config.json"), JSON.stringify(config));
  const seed = await open({ directory: join(cwd, ".upnext"), config });
  await seed.track(simulated.slice(0, 2000));
  await seed.close();
  const running = start(cwd, ["serve", "--port", "0"]);
  await running.said(/listening on \S+/);
  const children = () => descendants(running.process.pid!);
  await until("a training runs", () => children().length === 1);
  const [pid] = children();
  // A process is there a moment before its program is, and before its priority is set.
  const commandLine = () => readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
  await until("it is a training", () => commandLine().includes("train"));
  await until("it has the lowest priority", () => getPriority(pid!) === 19);
  running.process.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
  expect(() => process.kill(pid!, 0)).toThrow();
});
