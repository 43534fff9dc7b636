/** The peak that utilisation is measured against: a product of large matrices in ONNX Runtime. */
import { createInterface } from "node:readline";
import { compileServing, Graph, loadModel, matmul } from "../../src/tensor/index.ts";

const SIZE = 2048;
const PRODUCTS = 3;

/** Answers each line of standard input, after a first one with the threads, with the GFLOP/s of the fastest product. */
export async function serve(): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const { threads } = JSON.parse((await lines.next()).value as string) as { threads: number };
  const graph = new Graph();
  const a = graph.input("a", "float32", [SIZE, SIZE]);
  const b = graph.input("b", "float32", [SIZE, SIZE]);
  const model = await loadModel(compileServing({ product: matmul(a, b) }, {}), { threads });
  const numbers = () => ({ data: new Float32Array(SIZE ** 2).fill(0.5), dims: [SIZE, SIZE] });
  const feeds = { a: numbers(), b: numbers() };
  for await (const _ of lines) {
    let fastest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < PRODUCTS; i++) {
      const began = performance.now();
      await model.run(feeds);
      fastest = Math.min(fastest, performance.now() - began);
    }
    console.log(JSON.stringify({ gflops: (2 * SIZE ** 3) / fastest / 1e6 }));
  }
  await model.close();
}
