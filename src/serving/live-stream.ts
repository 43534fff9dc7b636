/**
 * The live figures, as server-sent events: one sample and one text a second for all who look, and none where nobody
 * does. Who is too slow to take a sample misses it.
 */
import { PassThrough, type Readable } from "node:stream";
import { type Clock, type Ms, processCpu } from "../core/index.ts";
import type { Admission } from "./admission/index.ts";
import { liveAnswer, type Sample } from "./live-answer.ts";
import type { ServerMetrics } from "./request-metrics.ts";

const INTERVAL_MS = 1_000;
/** More looking at once end the one that looks longest (a page asks again). */
const MAX_STREAMS = 64;
/** Bytes that may wait for a reader before it misses samples: some ten of them. */
const MAX_WAITING = 65_536;

export class LiveStream {
  private readonly metrics: ServerMetrics;
  private readonly clock: Clock;
  private readonly admission: Pick<Admission, "figures">;
  private readonly streams = new Set<PassThrough>();
  private timer: NodeJS.Timeout | undefined;
  private before: Sample;

  constructor(metrics: ServerMetrics, clock: Clock, admission: Pick<Admission, "figures">) {
    this.metrics = metrics;
    this.clock = clock;
    this.admission = admission;
    this.before = this.sample();
  }

  /** @param seconds after which it ends; absent: when the reader hangs up */
  open(seconds?: number): Readable {
    const stream = new PassThrough();
    const [oldest] = this.streams;
    if (this.streams.size >= MAX_STREAMS) oldest?.end();
    if (this.timer === undefined) {
      this.before = this.sample();
      this.timer = setInterval(() => this.tick(), INTERVAL_MS);
      this.timer.unref();
    }
    this.streams.add(stream);
    const end =
      seconds === undefined ? undefined : setTimeout(() => stream.end(), seconds * 1000 + INTERVAL_MS / 2);
    stream.once("close", () => {
      clearTimeout(end);
      this.streams.delete(stream);
      if (this.streams.size > 0) return;
      clearInterval(this.timer);
      this.timer = undefined;
    });
    // At once, so that the reader knows that it is connected.
    stream.write("retry: 2000\n\n");
    return stream;
  }

  /** Ends all of them: a server that closes does not wait for readers that never hang up. */
  close(): void {
    for (const stream of this.streams) stream.end();
  }

  private tick(): void {
    const now = this.sample();
    const text = `data: ${JSON.stringify(liveAnswer(this.before, now))}\n\n`;
    this.before = now;
    for (const stream of this.streams) {
      if (stream.writableLength + stream.readableLength < MAX_WAITING) stream.write(text);
    }
  }

  private sample(): Sample {
    const { metrics, clock, admission } = this;
    const { lanes, pressure } = admission.figures();
    const sum = (of: "depth" | "atOnce") => Object.values(lanes).reduce((all, lane) => all + lane[of], 0);
    return {
      queue: { waiting: sum("depth"), atOnce: sum("atOnce"), pressure },
      figures: metrics.live(),
      time: clock.now(),
      at: clock.monotonic() as Ms,
      cpuMs: processCpu(),
      memory: process.memoryUsage.rss(),
    };
  }
}
