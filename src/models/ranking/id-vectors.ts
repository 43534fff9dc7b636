/** Vectors of ids: an item's, its creator's and its category's side by side. Candidates and visits share the tables. */
import {
  concat,
  dropout,
  expand,
  gather,
  greater,
  normal,
  reshape,
  type Tensor,
  where,
} from "../../tensor/index.ts";
import { weights } from "./layers.ts";
import { type Trace, VOCABULARIES, type Vocabulary } from "./trace.ts";

/**
 * Shorter ones are learned late: with 0.05 neither network had found 10 groups of items, of which each user takes one,
 * after 800 steps; with 0.2 attention to targets had after 600.
 */
const FIRST_DEVIATION = 0.2;

/** (B*S, 3 E) */
export function candidateVectors(trace: Trace): Tensor {
  return idVectors(trace, "B*S", (of) => trace.codes(of));
}

/** (B*H, 3 E) */
export function visitVectors(trace: Trace): Tensor {
  return idVectors(trace, "B*H", (of) => trace.visitCodes(of));
}

function idVectors(trace: Trace, rows: string, codesOf: (of: Vocabulary) => Tensor): Tensor {
  const parts = VOCABULARIES.map((of) =>
    gather(table(trace, of), someUnknown(reshape(codesOf(of), [rows]), trace)),
  );
  return concat(parts, 1);
}

function table({ graph, shape }: Trace, of: Vocabulary): Tensor {
  return weights(graph, `${of}.table`, [shape[of], shape.embedding], normal(FIRST_DEVIATION));
}

/** In training, a share of the codes (N) is 0. */
function someUnknown(codes: Tensor, trace: Trace): Tensor {
  const { graph, shape } = trace;
  if (!graph.training || shape.idDropout === 0) return codes;
  const all = expand(graph.scalar(1), [codes.shape[0]!, 1]);
  const kept = reshape(dropout(all, shape.idDropout, trace.nextDropout()), codes.shape);
  return where(greater(kept, 0), codes, graph.constant(Int32Array.of(0), []));
}
