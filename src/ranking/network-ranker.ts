/** The feature network as a ranker: an ONNX file and a header that says what goes in and what comes out. */
import { UpnextError } from "../core/index.ts";
import { joined } from "../features/index.ts";
import { loadModel } from "../tensor/index.ts";
import type { Ranker } from "./ranker.ts";

/** The header, stored beside the model. */
export interface RankerHeader {
  readonly name: string;
  readonly heads: readonly string[];
  readonly features: readonly string[];
  readonly fingerprint: string;
}

/** A network ranker also scores bare rows of features: golden scores are such. */
export interface NetworkRanker extends Ranker {
  /** `features` (rows, features) → [head] (rows) probabilities. */
  scoreRows(features: Float32Array, rows: number): Promise<readonly Float32Array[]>;
}

/** @param model an ONNX file: `features` (rows, features) → `probabilities` (rows, heads) */
export async function networkRanker(header: RankerHeader, model: Uint8Array): Promise<NetworkRanker> {
  const session = await loadModel(model);
  const width = header.features.length;
  const count = header.heads.length;
  async function scoreRows(features: Float32Array, rows: number): Promise<readonly Float32Array[]> {
    if (features.length !== rows * width) {
      throw new UpnextError(
        "internal",
        `ranker ${header.name}: expected ${rows} rows of ${width} features, got ${features.length} values`,
      );
    }
    if (rows === 0) return header.heads.map(() => new Float32Array(0));
    const { probabilities } = await session.run({ features: { data: features, dims: [rows, width] } });
    const data = probabilities?.data;
    if (!(data instanceof Float32Array) || data.length !== rows * count) {
      throw new UpnextError(
        "internal",
        `ranker ${header.name}: expected ${rows} × ${count} float32 probabilities from the model, got ${data?.length ?? "none"}`,
      );
    }
    return header.heads.map((_, head) => {
      const column = new Float32Array(rows);
      for (let i = 0; i < rows; i++) column[i] = data[i * count + head]!;
      return column;
    });
  }
  return {
    name: header.name,
    heads: header.heads,
    fingerprint: header.fingerprint,
    score: ({ features, candidates: { rows } }) => scoreRows(joined(features, rows.length), rows.length),
    scoreRows,
    close: () => session.close(),
  };
}
