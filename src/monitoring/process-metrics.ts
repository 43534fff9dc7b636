/** CPU, memory and the event loop's delay: what tells a full process from a waiting one. Read when they are asked for. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, type Registry } from "prom-client";

/** Milliseconds between two looks at the loop. Node tells how long after the last look one came, not how late it was. */
const LOOK_MS = 10;

/** Registers them; the function returned stops the measurement. */
export function addProcessMetrics(registry: Registry): () => void {
  const registers = [registry];
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();
  new Gauge({
    name: "upnext_event_loop_delay_seconds",
    help: "How late timers fire, since the last scrape.",
    labelNames: ["quantile"],
    registers,
    aggregator: "max",
    collect() {
      // All 0 before the first look.
      const late = (percentile: number) => Math.max(0, delay.percentile(percentile) / 1e6 - LOOK_MS) / 1e3;
      this.set({ quantile: "0.5" }, late(50));
      this.set({ quantile: "0.99" }, late(99));
      this.set({ quantile: "1" }, late(100));
      delay.reset();
    },
  });
  new Counter({
    name: "process_cpu_seconds_total",
    help: "User and system CPU time of the process.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  return () => {
    delay.disable();
  };
}
