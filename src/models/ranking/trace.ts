/**
 * The inputs of a ranking network, declared when an architecture first asks for one.
 *
 * B requests with S candidates and H visits each, newest visit first. Rows of candidates are flat: (B*S, ...).
 */
import { type DType, type Graph, reshape, type Shape, type Tensor } from "../../tensor/index.ts";
import type { RankingShape } from "./shape.ts";

export class Trace {
  readonly graph: Graph;
  readonly shape: RankingShape;
  private dropouts = 0;

  constructor(graph: Graph, shape: RankingShape) {
    this.graph = graph;
    this.shape = shape;
  }

  /** (B, Fr) */
  get request(): Tensor {
    return this.input("request", "float32", ["B", this.shape.requestFeatures]);
  }

  /** (B*S, Fc) */
  get candidates(): Tensor {
    const width = this.shape.candidateFeatures;
    return this.graph.once("candidate rows", () =>
      reshape(this.input("candidates", "float32", ["B", "S", width]), ["B*S", width]),
    );
  }

  /** Codes of the candidates, int32 (B, S). */
  codes(of: Vocabulary): Tensor {
    return this.input(of, "int32", ["B", "S"]);
  }

  /** Codes of the visits, int32 (B, H). */
  visitCodes(of: Vocabulary): Tensor {
    return this.input(`history_${of}`, "int32", ["B", "H"]);
  }

  /** (B, H, K) */
  get visitFacts(): Tensor {
    return this.input("history_facts", "float32", ["B", "H", this.shape.visitColumns]);
  }

  /** (B, H) 1 where there is a visit, 0 where a history has been filled up. */
  get visitPresent(): Tensor {
    return this.input("history_present", "float32", ["B", "H"]);
  }

  /** A number of its own for each place of dropout. */
  nextDropout(): number {
    return this.dropouts++;
  }

  private input(name: string, dtype: DType, shape: Shape): Tensor {
    return this.graph.once(`input ${name}`, () => this.graph.input(name, dtype, shape));
  }
}

/** The ids that a candidate and a visit have; `RankingShape` has the size of each vocabulary under the same name. */
export const VOCABULARIES = ["items", "creators", "categories"] as const;
export type Vocabulary = (typeof VOCABULARIES)[number];
