/** CPU time and memory of a process and of everything that it has started, as Linux tells them. */
import { readdirSync, readFileSync } from "node:fs";

/** Of `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** utime and stime in /proc/PID/stat, counted from what follows the name in brackets. */
const UTIME = 11;

export interface Usage {
  readonly cpuMs: number;
  readonly rssMb: number;
}

/** Sums over the process and its descendants; one that ends meanwhile counts as nothing. */
export function usageOf(pid: number): Usage {
  let cpuMs = 0;
  let rssMb = 0;
  for (const each of [pid, ...descendants(pid)]) {
    try {
      const stat = readFileSync(`/proc/${each}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      cpuMs += ((Number(fields[UTIME]) + Number(fields[UTIME + 1])) * 1_000) / TICKS_PER_SECOND;
      const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${each}/status`, "latin1"))?.[1];
      rssMb += Number(rss ?? 0) / 1_000;
    } catch {
      // It has ended.
    }
  }
  return { cpuMs, rssMb };
}

/** Processes that a process has started, and those that they have. */
export function descendants(pid: number): number[] {
  const found: number[] = [];
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").trim();
      for (const child of children === "" ? [] : children.split(" ").map(Number)) {
        found.push(child, ...descendants(child));
      }
    }
  } catch {
    // It has ended.
  }
  return found;
}
