import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/index.ts";
import { itemVectors, sequenceReader } from "../../../src/models/index.ts";
import { columnsOf, type Encoder, encoderOf } from "../../../src/retrieval/sequence/encoder-columns.ts";
import { Graph } from "../../../src/tensor/index.ts";
import { anyWeights } from "../../models/any-ranking.ts";

const space = { categories: 3, creators: 4 };
const shape = {
  items: 5,
  attributes: 6,
  attributesPerItem: 8,
  width: 8,
  heads: 2,
  blocks: 3,
  inner: 12,
  length: 7,
  inputDropout: 0,
  dropout: 0,
};

function anyEncoder(): Encoder {
  const random = new Random("encoder");
  const [reader, vectors] = [new Graph(), new Graph()];
  sequenceReader(reader, shape);
  itemVectors(vectors, shape);
  return {
    shape,
    space,
    weights: { ...anyWeights(reader, random), ...anyWeights(vectors, random) },
    steps: 123,
  };
}

describe("an encoder as columns", () => {
  it("comes back as it was, without what only training needs", () => {
    const encoder = anyEncoder();
    const trained = { ...encoder, shape: { ...shape, inputDropout: 0.5, dropout: 0.2 } };
    expect(encoderOf(structuredClone(columnsOf(trained)))).toEqual(encoder);
  });

  it("is none where nothing was fitted, and where there are no columns", () => {
    expect(encoderOf(structuredClone(columnsOf(null)))).toBeNull();
    expect(encoderOf({})).toBeNull();
  });
});
