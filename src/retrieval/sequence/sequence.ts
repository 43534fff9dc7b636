/**
 * A transformer over the user's newest items (models/sequence-encoder.ts): what it says the user wants next is compared
 * with every item. It is fitted on all sequences and computes a user at request time, so an event changes the next
 * answer, and an item that came after training is found by its attributes.
 */
import type { Query, Retrieved, Retriever, Source, Touches } from "../retriever.ts";
import { columnsOf, encoderOf, READER } from "./encoder-columns.ts";
import { fitEncoder } from "./fit-encoder.ts";
import { openEncoding, SequenceModel } from "./sequence-model.ts";

export const sequence: Source = {
  name: "sequence",
  /** The share that the softmax over all allowed items gives to one, and its logarithm. */
  signalNames: ["sequence", "sequence-log-share"],
  personal: true,
  knowsNewItems: true,
  weight: 6,
  depth: 1,

  async fit(context) {
    const earlier = context.previous ? encoderOf(context.previous) : null;
    return columnsOf(await fitEncoder(context, earlier));
  },

  async load(columns, catalog, model) {
    const encoder = encoderOf(columns);
    // Nobody had taken two items when it was fitted.
    if (encoder === null) return { ...this, retrieve: () => nothing };
    const reader = columns[READER] as Uint8Array; // as columnsOf wrote it
    return retrieverOf(await SequenceModel.open(encoder, catalog, reader, model));
  },
};

const NOTHING_KNOWN = new Float32Array(0);

function retrieverOf(model: SequenceModel): Retriever {
  return {
    name: sequence.name,
    signalNames: sequence.signalNames,
    personal: sequence.personal,
    // Items of which nothing is known say nothing: an answer to them alone would be a guess that looks personal.
    async encode({ items }: Touches, options) {
      const newest = items.subarray(0, model.length);
      if (!newest.some((row) => model.items.knows(row))) return NOTHING_KNOWN;
      return model.encode(newest.toReversed(), options);
    },
    retrieve(query: Query, k: number): Retrieved {
      const encoding = query.encodings[sequence.name];
      if (encoding === undefined || encoding.length === 0) return nothing;
      const { user, list } = openEncoding(encoding, model.width);
      const { rows, scores, logSum } = model.items.top(user, query.allowed, k, list);
      if (logSum === Number.NEGATIVE_INFINITY) return nothing; // no item is allowed
      return {
        rows,
        scores: scores.map((score) => Math.exp(score - logSum)),
        signals(candidates, [shares, logs]) {
          model.items.dot(candidates, user, logs!);
          for (let i = 0; i < candidates.length; i++) {
            logs![i] = logs![i]! - logSum;
            // What is not allowed may stand above everything that is.
            shares![i] = Math.min(1, Math.exp(logs![i]!));
          }
        },
      };
    },
    close: () => model.close(),
  };
}

const nothing: Retrieved = {
  rows: new Int32Array(0),
  scores: new Float32Array(0),
  signals(_rows, out) {
    for (const column of out) column.fill(0);
  },
};
