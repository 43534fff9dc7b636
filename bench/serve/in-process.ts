/** The same requests by a program that has opened the library, without HTTP: one after the other, impressions logged. */
import { join } from "node:path";
import { createJiti } from "jiti";
import type { UpnextConfig } from "../../src/upnext.ts";
import { rounded } from "../figures/spread.ts";
import { copyOf, type Platform } from "./platform.ts";

const DIST = join(import.meta.dirname, "..", "..", "dist");
const WARM_REQUESTS = 300;

export async function measureInProcess(
  platform: Platform,
  config: UpnextConfig,
  directory: string,
  seconds: number,
): Promise<Record<string, unknown>> {
  await copyOf(platform, directory);
  const jiti = createJiti(import.meta.url, { tryNative: true });
  // As it is installed: what jiti compiles by itself is a tenth slower.
  const { open } = await jiti.import<typeof import("../../src/upnext.ts")>(join(DIST, "upnext.js"));
  const instance = await open({ directory, config });
  try {
    let next = 0;
    const ask = () => {
      const user = platform.busy[(next++ * 7919) % platform.busy.length]!;
      return instance.recommend({ user });
    };
    for (let i = 0; i < WARM_REQUESTS; i++) await ask();
    const times: number[] = [];
    const stages = new Map<string, number>();
    let full = 0;
    const before = process.cpuUsage();
    for (const end = performance.now() + 1_000 * seconds; performance.now() < end; ) {
      const began = performance.now();
      const { rung, trace } = await ask();
      times.push(performance.now() - began);
      if (rung === "full") full++;
      for (const { stage, ms } of trace.stages) stages.set(stage, (stages.get(stage) ?? 0) + ms);
    }
    const { user, system } = process.cpuUsage(before);
    times.sort((a, b) => a - b);
    const at = (share: number) => rounded(times[Math.floor(share * (times.length - 1))]!);
    return {
      requests: times.length,
      full: rounded(full / times.length),
      p50_ms: at(0.5),
      p99_ms: at(0.99),
      cpu_ms: rounded((user + system) / 1_000 / times.length),
      "stages, ms": Object.fromEntries([...stages].map(([stage, ms]) => [stage, rounded(ms / times.length)])),
    };
  } finally {
    await instance.close();
  }
}
