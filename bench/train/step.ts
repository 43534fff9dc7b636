/**
 * The training step that bench/train.ts measures, in this engine, and the process that runs it round after round.
 *
 * SASRec with normalisation before each part: items and positions (learned) with dropout; blocks of causal attention
 * and of a feed-forward network of the same width with ReLU, dropout on what each adds; a last normalisation;
 * cross-entropy of the next item against sampled negatives that all positions of a batch share, items tied.
 * bench/peers/train_step.py is the same step in PyTorch.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

/** Sequences of a part: what one computes on 16 of them stays in the caches of a core (measured: 8 and 32 are no faster). */
const PART = 16;

/** What a process is told in its first line. */
export interface StepConfig {
  readonly threads: number;
  readonly batch: number;
  readonly length: number;
  readonly width: number;
  readonly heads: number;
  readonly blocks: number;
  readonly items: number;
  readonly negatives: number;
  readonly dropout: number;
  readonly learningRate: number;
  /** Weights by name: shape, and a file of their float32 numbers. Linear layers are (in, out). */
  readonly weights: Readonly<Record<string, { readonly shape: readonly number[]; readonly file: string }>>;
  /** A file of `batchCount` batches, each the int32 items (B, L), targets (B, L) and negatives. */
  readonly batches: string;
  readonly batchCount: number;
}

/** The answer to each further line, `{"steps": n}`. */
export interface RoundAnswer {
  /** A step. */
  readonly wallMs: number;
  /** A step, of all threads. */
  readonly cpuMs: number;
  readonly losses: readonly number[];
  /** Of the process since it began. */
  readonly peakMiB: number;
}

type Shapes = Readonly<Record<string, readonly number[]>>;
type Size = Pick<StepConfig, "batch" | "length" | "width" | "blocks" | "items">;

/** Shapes of all weights by name. */
export function weightShapes({ length, width, blocks, items }: Size): Shapes {
  const shapes: Record<string, readonly number[]> = { items: [items + 1, width], positions: [length, width] };
  const norm = (name: string): void => {
    shapes[`${name}.scale`] = [width];
    shapes[`${name}.bias`] = [width];
  };
  for (let block = 0; block < blocks; block++) {
    const at = `block${block}`;
    norm(`${at}.attentionNorm`);
    norm(`${at}.forwardNorm`);
    for (const name of ["query", "key", "value", "out", "up", "down"]) {
      shapes[`${at}.${name}.weight`] = [width, width];
      shapes[`${at}.${name}.bias`] = [width];
    }
  }
  norm("norm");
  return shapes;
}

/**
 * Floating-point operations of a step: two for each multiply-add of the forward pass's matrix products, and twice as
 * many again for the gradients. Of attention only what a causal mask leaves is counted, embedding look-ups are not.
 */
export function stepFlops(config: StepConfig): number {
  const { batch, length, width, blocks, negatives } = config;
  const linear = 6 * batch * length * width ** 2;
  const attention = 2 * batch * ((length * (length + 1)) / 2) * width;
  const scores = batch * length * (negatives + 1) * width;
  return 3 * 2 * (blocks * (linear + attention) + scores);
}

export function trainingLoss(config: StepConfig): t.Tensor {
  const { length, width, heads, blocks, negatives } = config;
  const batch = PART;
  const graph = new t.Graph({ training: true });
  const shapes = weightShapes(config);
  const rows = batch * length;
  const weight = (name: string): t.Tensor => graph.parameter(name, shapes[name]!, t.zeros);
  const linear = (x: t.Tensor, name: string): t.Tensor =>
    t.add(t.matmul(x, weight(`${name}.weight`)), weight(`${name}.bias`));
  const norm = (x: t.Tensor, name: string): t.Tensor =>
    t.layerNorm(x, weight(`${name}.scale`), weight(`${name}.bias`));
  const drop = (x: t.Tensor, place: number): t.Tensor => t.dropout(x, config.dropout, place);
  const split = (x: t.Tensor): t.Tensor =>
    t.transpose(t.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);

  const items = graph.input("items.ids", "int32", [batch, length]);
  const targets = graph.input("targets", "int32", [rows]);
  const sampled = graph.input("negatives", "int32", [negatives]);
  const counts = graph.input("counts", "float32", [rows]);
  const table = weight("items");
  let x = t.reshape(drop(t.add(t.gather(table, items), weight("positions")), 0), [rows, width]);
  for (let block = 0; block < blocks; block++) {
    const at = `block${block}`;
    const normed = norm(x, `${at}.attentionNorm`);
    const [q, k, v] = ["query", "key", "value"].map((name) => split(linear(normed, `${at}.${name}`)));
    const mixed = t.attention(q!, k!, v!, { causal: true }); // (B, H, L, D / H)
    const joined = t.reshape(t.transpose(mixed, [0, 2, 1, 3]), [rows, width]);
    x = t.add(x, drop(linear(joined, `${at}.out`), 1 + 2 * block));
    const hidden = t.relu(linear(norm(x, `${at}.forwardNorm`), `${at}.up`));
    x = t.add(x, drop(linear(hidden, `${at}.down`), 2 + 2 * block));
  }
  const losses = t.sampledSoftmax({
    hidden: norm(x, "norm"),
    positive: t.gather(table, targets),
    candidates: t.gather(table, sampled),
  });
  return t.weightedMean(losses, counts);
}

/** Answers each line of standard input with one of standard output. */
export async function serve(): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    return done ? undefined : JSON.parse(value);
  };
  const config = (await next()) as StepConfig; // the line that bench/train.ts writes
  const training = await t.compileTraining({
    loss: trainingLoss(config),
    optimizer: t.adamW(),
    random: new Random("bench/train"),
    workers: config.threads,
  });
  training.setWeights(
    Object.fromEntries(
      Object.entries(config.weights).map(([name, { file }]) => [name, new Float32Array(bytesOf(file))]),
    ),
  );
  const batches = readBatches(config);
  for (let line = await next(); line !== undefined; line = await next()) {
    const { steps } = line as { steps: number };
    const losses: number[] = [];
    const cpu = process.cpuUsage();
    const began = performance.now();
    for (let i = 0; i < steps; i++) {
      const feeds = batches[i % batches.length]!;
      losses.push((await training.step(feeds, { learningRate: config.learningRate })).loss);
    }
    const wallMs = (performance.now() - began) / steps;
    const { user, system } = process.cpuUsage(cpu);
    const peakMiB = process.resourceUsage().maxRSS / 1024;
    const answer: RoundAnswer = { wallMs, cpuMs: (user + system) / 1000 / steps, losses, peakMiB };
    console.log(JSON.stringify(answer));
  }
  await training.close();
}

function readBatches({ batch, length, negatives, batches, batchCount }: StepConfig): t.Part[][] {
  const rows = batch * length;
  const all = new Int32Array(bytesOf(batches));
  return Array.from({ length: batchCount }, (_, at) => {
    const ids = all.subarray(at * (2 * rows + negatives), (at + 1) * (2 * rows + negatives));
    return Array.from({ length: batch / PART }, (_, part) => {
      const from = part * PART * length;
      const items = ids.subarray(from, from + PART * length);
      const feeds: t.Feeds = {
        "items.ids": { data: items, dims: [PART, length] },
        targets: { data: ids.subarray(rows + from, rows + from + items.length), dims: [items.length] },
        negatives: { data: ids.subarray(2 * rows), dims: [negatives] },
        counts: { data: new Float32Array(items.length).fill(1), dims: [items.length] },
      };
      return { feeds, share: PART / batch };
    });
  });
}

function bytesOf(file: string): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  return (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength);
}
