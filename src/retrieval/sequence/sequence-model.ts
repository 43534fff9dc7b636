/** A trained encoder at work: it reads a user's newest items and says what the user wants, as a vector. */
import type { Catalog } from "../../catalog/index.ts";
import { loadModel, type Model, type ModelLoader, type RunOptions } from "../../tensor/index.ts";
import { type Encoder, readerOf } from "./encoder-columns.ts";
import { ItemVectors } from "./item-vectors.ts";

export class SequenceModel {
  readonly items: ItemVectors;
  readonly width: number;
  readonly length: number;
  private readonly reader: Model;

  private constructor({ width, length }: Encoder["shape"], items: ItemVectors, reader: Model) {
    this.width = width;
    this.length = length;
    this.items = items;
    this.reader = reader;
  }

  static async open(
    { shape, space, weights }: Omit<Encoder, "steps">,
    catalog: Catalog,
    reader: Uint8Array = readerOf({ shape, weights }),
    load: ModelLoader = loadModel,
  ): Promise<SequenceModel> {
    const tables = {
      width: shape.width,
      space,
      own: weights["items"]!,
      unknown: weights["unknown"]!,
      attributes: weights["attributes.table"]!,
    };
    const items = new ItemVectors(tables, catalog);
    await items.fill();
    return new SequenceModel(shape, items, await load(reader));
  }

  /**
   * The vectors of some users, (users, width).
   *
   * @param histories rows of the catalog, oldest first, one or more each; the newest `length` are read
   */
  async read(histories: readonly ArrayLike<number>[], options?: RunOptions): Promise<Float32Array> {
    const { width } = this;
    const longest = Math.min(
      this.length,
      histories.reduce((most, history) => Math.max(most, history.length), 0),
    );
    const vectors = new Float32Array(histories.length * longest * width);
    const last = new Int32Array(histories.length);
    histories.forEach((history, b) => {
      const read = Array.from(history).slice(-longest);
      vectors.set(this.items.of(read), b * longest * width);
      last[b] = b * longest + read.length - 1;
    });
    const feeds = {
      vectors: { data: vectors, dims: [histories.length, longest, width] },
      last: { data: last, dims: [histories.length] },
    };
    const { users } = await this.reader.run(feeds, options);
    return users!.data as Float32Array; // the graph's output is float32
  }

  close(): Promise<void> {
    return this.reader.close();
  }
}
