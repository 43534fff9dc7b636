/** What the parts of bench/state share: rounds in turning order, the median over them, and CPU time beside wall time. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

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

export function spreads(rounds: readonly Figures[]): Record<string, Spread> {
  const names = [...new Set(rounds.flatMap((figures) => Object.keys(figures)))];
  return Object.fromEntries(names.map((name) => [name, spread(rounds.map((figures) => figures[name]!))]));
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: rounded(sorted[sorted.length >> 1]!),
    min: rounded(sorted[0]!),
    max: rounded(sorted.at(-1)!),
  };
}

/** Four digits are more than the spread leaves certain. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
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
