/** Networks as a ranker: a header that says what goes in and what comes out, and one ONNX file or several. */
import { UpnextError } from "../core/index.ts";
import { type Feeds, loadModel, type Model, type ModelLoader, type RunOptions } from "../tensor/index.ts";
import { makeCodes, VISIT_COLUMNS, type Vocabulary, writeCodes, writeVisitFacts } from "./network-inputs.ts";
import type { Ranker, RankingInput } from "./ranker.ts";

/** The header, stored beside the models. */
export interface RankerHeader {
  /** What kind of ranker it is; see RANKING_RUNGS in training. */
  readonly name: string;
  readonly heads: readonly string[];
  readonly fingerprint: string;
  readonly requestFeatures: number;
  readonly candidateFeatures: number;
  readonly vocabulary: Vocabulary;
  /** [head] a probability is the logistic function of `scale` × the mean logit + `shift` (Platt 1999). */
  readonly calibration: readonly Calibration[];
}

export interface Calibration {
  readonly scale: number;
  readonly shift: number;
}

/** A network ranker also scores bare inputs: golden scores are such. */
export interface NetworkRanker extends Ranker {
  /** Inputs of one request, of which models take those that they read → [head] (n) probabilities. */
  scoreInputs(inputs: Feeds, options?: RunOptions): Promise<readonly Float32Array[]>;
}

/**
 * @param models ONNX files with the inputs of `rankingLogits` and `logits` (1, n, heads); of several, the mean counts
 * @param load where they compute; in the caller's thread unless told
 */
export async function networkRanker(
  header: RankerHeader,
  models: readonly Uint8Array[],
  load: ModelLoader = loadModel,
): Promise<NetworkRanker> {
  const sessions: Model[] = [];
  const close = async () => {
    await Promise.all(sessions.map((session) => session.close()));
  };
  try {
    for (const model of models) sessions.push(await load(model));
  } catch (cause) {
    await close();
    throw cause;
  }
  if (sessions.length === 0) throw problem(header, "one model at least", "none");

  async function scoreInputs(inputs: Feeds, options?: RunOptions): Promise<readonly Float32Array[]> {
    const n = inputs["candidates"]?.dims[1] ?? 0;
    const count = header.heads.length;
    if (n === 0) return header.heads.map(() => new Float32Array(0));
    const all: Float32Array[] = [];
    for (const session of sessions) {
      const { logits } = await session.run(only(inputs, session.inputNames), options);
      const data = logits?.data;
      if (!(data instanceof Float32Array) || data.length !== n * count) {
        throw problem(header, `${n} × ${count} float32 logits from the model`, `${data?.length ?? "none"}`);
      }
      all.push(data);
    }
    return header.calibration.map(({ scale, shift }, head) => {
      const column = new Float32Array(n);
      for (let i = 0; i < n; i++) {
        let sum = 0;
        for (let m = 0; m < all.length; m++) sum += all[m]![i * count + head]!;
        const logit = sum / all.length;
        column[i] = 1 / (1 + Math.exp(-(scale * logit + shift)));
      }
      return column;
    });
  }

  return {
    name: header.name,
    heads: header.heads,
    fingerprint: header.fingerprint,
    score: async (input, options) => scoreInputs(inputsOf(header, input), options),
    scoreInputs,
    close,
  };
}

/** Throws `internal` where the features do not fit the header. */
export function inputsOf(
  header: RankerHeader,
  { query, catalog, candidates, features, visits }: RankingInput,
): Feeds {
  const { rows } = candidates;
  const { requestFeatures: fr, candidateFeatures: fc, vocabulary } = header;
  const n = rows.length;
  if (features.request.length !== fr || features.candidates.length !== n * fc) {
    const came = `${features.request.length} and ${features.candidates.length}`;
    throw problem(header, `${fr} features of the request and ${n} × ${fc} of candidates`, came);
  }
  const codes = makeCodes(n);
  writeCodes(rows, catalog, vocabulary, codes, 0);
  // A user without history has one visit that is not there.
  const length = Math.max(1, visits.items.length);
  const before = makeCodes(length);
  writeCodes(visits.items, catalog, vocabulary, before, 0);
  const facts = new Float32Array(length * VISIT_COLUMNS);
  writeVisitFacts(visits, query.now, facts, 0);
  return {
    request: { data: features.request, dims: [1, fr] },
    candidates: { data: features.candidates, dims: [1, n, fc] },
    items: { data: codes.items, dims: [1, n] },
    creators: { data: codes.creators, dims: [1, n] },
    categories: { data: codes.categories, dims: [1, n] },
    history_items: { data: before.items, dims: [1, length] },
    history_creators: { data: before.creators, dims: [1, length] },
    history_categories: { data: before.categories, dims: [1, length] },
    history_facts: { data: facts, dims: [1, length, VISIT_COLUMNS] },
    history_present: {
      data: new Float32Array(length).fill(1, 0, visits.items.length),
      dims: [1, length],
    },
  };
}

function only(feeds: Feeds, names: readonly string[]): Feeds {
  return Object.fromEntries(names.flatMap((name) => (feeds[name] ? [[name, feeds[name]] as const] : [])));
}

function problem({ name }: RankerHeader, expected: string, came: string): UpnextError {
  return new UpnextError("internal", `ranker ${name}: expected ${expected}, got ${came}`);
}
