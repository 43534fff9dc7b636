/** A trained encoder at work: it reads a user's newest items and says what the user wants, as a vector. */
import type { Catalog } from "../../catalog/index.ts";
import {
  LIST,
  loadModel,
  type Model,
  type ModelLoader,
  type RunOptions,
  type Shortlist,
  unpackList,
} from "../../tensor/index.ts";
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
    const model = await load(reader);
    model.listFrom?.(items.feed);
    return new SequenceModel(shape, items, model);
  }

  /** The vectors of some users, (users, width); see `run`. */
  async read(histories: readonly ArrayLike<number>[], options?: RunOptions): Promise<Float32Array> {
    const { users } = await this.run(histories, options);
    return users!.data as Float32Array; // the graph's output is float32
  }

  /** The vector of one user, and behind it, where the model makes one, a list of what is near it, packed. */
  async encode(history: ArrayLike<number>, options?: RunOptions): Promise<Float32Array> {
    const { users, [LIST]: list } = await this.run([history], options);
    const user = users!.data as Float32Array; // the graph's output is float32
    if (list === undefined) return user;
    const encoding = new Float32Array(user.length + list.data.length);
    encoding.set(user);
    new Int32Array(encoding.buffer).set(list.data as Int32Array, user.length); // as the pool packed it
    return encoding;
  }

  /** @param histories rows of the catalog, oldest first, one or more each; the newest `length` are read */
  private run(histories: readonly ArrayLike<number>[], options?: RunOptions): ReturnType<Model["run"]> {
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
    return this.reader.run(feeds, options);
  }

  close(): Promise<void> {
    return this.reader.close();
  }
}

/** An encoding as what it is made of. */
export function openEncoding(
  encoding: Float32Array,
  width: number,
): { user: Float32Array; list?: Shortlist } {
  const user = encoding.subarray(0, width);
  if (encoding.length === width) return { user };
  return { user, list: unpackList(new Int32Array(encoding.buffer, encoding.byteOffset + width * 4)) };
}
