/** The gradient of gather: rows that several threads could add at once, in one chunk, in several, and in none. */
import { expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

const [ROWS, WIDTH] = [50, 40]; // 1,250 rows of this width are one chunk

async function sums(counts: readonly number[], known: boolean, threads: number): Promise<void> {
  for (const count of counts) {
    const graph = new t.Graph();
    const table = graph.parameter("table", [ROWS, WIDTH], t.zeros);
    const size = known ? count : "N";
    const ids = graph.input("ids", "int32", [size]);
    const wave = graph.input("wave", "float32", [size, WIDTH]);
    const [gradient] = t.gradients(t.sum(t.mul(t.gather(table, ids), wave)), [table]);
    const bytes = t.compileServing({ gradient: gradient! }, { table: new Float32Array(ROWS * WIDTH) });
    const model = await t.loadModel(bytes, { threads });
    const random = new Random(count);
    // Few rows get most: whole numbers, so that sums are exact in any order.
    const data = Int32Array.from({ length: count }, () => Math.floor(ROWS * random.next() ** 4));
    const values = Float32Array.from({ length: count * WIDTH }, () => random.int(9) - 4);
    const expected = new Float32Array(ROWS * WIDTH);
    for (let i = 0; i < values.length; i++) {
      expected[data[Math.floor(i / WIDTH)]! * WIDTH + (i % WIDTH)]! += values[i];
    }
    for (let round = 0; round < 5; round++) {
      const result = await model.run({
        ids: { data, dims: [count] },
        wave: { data: values, dims: [count, WIDTH] },
      });
      expect(result["gradient"]!.data, `${count} rows`).toEqual(expected);
    }
    await model.close();
  }
}

for (const threads of [1, 2, 4]) {
  for (const known of [true, false]) {
    test(`sums of ${known ? "a known" : "an unknown"} number of rows on ${threads} threads are exact`, async () => {
      await sums([0, 1, 1249, 1250, 1251, 2500, 30_000], known, threads);
    });
  }
}
