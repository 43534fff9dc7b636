/** CPU, memory and the event loop's delay: what tells a full process from a waiting one. Read when they are asked for. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, type Registry } from "prom-client";

/** Registers them; the function returned stops the measurement. */
export function addProcessMetrics(registry: Registry): () => void {
  const registers = [registry];
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  new Gauge({
    name: "upnext_event_loop_delay_seconds",
    help: "How late timers fire, since the last scrape.",
    labelNames: ["quantile"],
    registers,
    aggregator: "max",
    collect() {
      // Nanoseconds; all 0 before the first sample.
      this.set({ quantile: "0.5" }, delay.percentile(50) / 1e9);
      this.set({ quantile: "0.99" }, delay.percentile(99) / 1e9);
      this.set({ quantile: "1" }, delay.percentile(100) / 1e9);
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
