/** What the parts of bench/state share: rounds in turning order, the median over them, and CPU time beside wall time. */
import { type Spread, spreads } from "../figures/spread.ts";

/** What one round of one subject gave: figures by name. */
export type Figures = Readonly<Record<string, number>>;

export interface Subject {
  readonly name: string;
  round(): Promise<Figures>;
}

/** One warm-up round, then the others, all subjects in each, in an order that turns round each time. */
export async function interleaved(
  subjects: readonly Subject[],
  rounds: number,
): Promise<Record<string, Record<string, Spread>>> {
  const seen = new Map<string, Figures[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? subjects : subjects.toReversed();
    for (const subject of order) {
      const figures = await subject.round();
      if (round > 0) seen.get(subject.name)!.push(figures);
    }
  }
  return Object.fromEntries([...seen].map(([name, of]) => [name, spreads(of)]));
}

export interface Taken {
  readonly seconds: number;
  /** Of all threads of this process. */
  readonly cpuSeconds: number;
}

export async function timed(work: () => Promise<void>): Promise<Taken> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

/** `count` calls by `callers` that each call again once answered; `settle` is in rate and CPU time, in no latency. */
export async function called(
  name: string,
  count: number,
  callers: number,
  call: () => Promise<void>,
  settle = async () => {},
): Promise<Figures> {
  const latencies = new Float64Array(count);
  let begun = 0;
  const caller = async () => {
    while (begun < count) {
      const at = begun++;
      const start = performance.now();
      await call();
      latencies[at] = (performance.now() - start) * 1000;
    }
  };
  const taken = await timed(async () => {
    await Promise.all(Array.from({ length: callers }, caller));
    await settle();
  });
  latencies.sort();
  const title = `${name}, ${callers} in flight`;
  return {
    [`${title}: p50 us`]: latencies[Math.floor(count * 0.5)]!,
    [`${title}: p99 us`]: latencies[Math.floor(count * 0.99)]!,
    [`${title}: ops/s`]: count / taken.seconds,
    [`${title}: cpu us/op`]: (taken.cpuSeconds / count) * 1e6,
  };
}

/** One row for each figure with a column for each subject, to be read across. */
export function figuresAcross(
  measured: Readonly<Record<string, Readonly<Record<string, Spread>>>>,
): Record<string, unknown>[] {
  const figures = new Set(Object.values(measured).flatMap((of) => Object.keys(of)));
  return [...figures].map((figure) => ({
    figure,
    ...Object.fromEntries(Object.entries(measured).map(([subject, of]) => [subject, of[figure]])),
  }));
}
