/** The peak that utilisation is measured against: a product of large matrices in ONNX Runtime. */
import { createInterface } from "node:readline";
import { compileServing, Graph, loadModel, matmul } from "../../src/tensor/index.ts";

const SIZE = 2048;
const PRODUCTS = 3;

/** A product of `SIZE` in each of three dimensions. */
export interface PeakProduct {
  readonly flops: number;
  run(): Promise<unknown>;
  close(): Promise<void>;
}

export async function openPeakProduct(threads: number): Promise<PeakProduct> {
  const graph = new Graph();
  const a = graph.input("a", "float32", [SIZE, SIZE]);
  const b = graph.input("b", "float32", [SIZE, SIZE]);
  const model = await loadModel(compileServing({ product: matmul(a, b) }, {}), { threads });
  const numbers = () => ({ data: new Float32Array(SIZE ** 2).fill(0.5), dims: [SIZE, SIZE] });
  const feeds = { a: numbers(), b: numbers() };
  return { flops: 2 * SIZE ** 3, run: () => model.run(feeds), close: () => model.close() };
}

/** Answers each line of standard input, after a first one with the threads, with the GFLOP/s of the fastest product. */
export async function serve(): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const { threads } = JSON.parse((await lines.next()).value as string) as { threads: number };
  const product = await openPeakProduct(threads);
  for await (const _ of lines) {
    let fastest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < PRODUCTS; i++) {
      const began = performance.now();
      await product.run();
      fastest = Math.min(fastest, performance.now() - began);
    }
    console.log(JSON.stringify({ gflops: product.flops / fastest / 1e6 }));
  }
  await product.close();
}
