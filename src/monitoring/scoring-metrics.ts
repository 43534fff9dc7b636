/** Encodings that are kept, and threads that compute: figures that are read when the metrics are. */
import { Gauge, type Registry } from "prom-client";

/** What scoring says of itself when the metrics are read. */
export interface ScoringFigures {
  readonly encodings: {
    readonly hits: number;
    readonly misses: number;
    readonly ahead: number;
    readonly users: number;
    readonly bytes: number;
  };
  /** undefined where networks compute in the caller's thread. */
  readonly threads:
    | {
        readonly alive: number;
        readonly threads: number;
        readonly waiting: number;
        readonly calls: number;
        readonly died: number;
      }
    | undefined;
}

export interface ScoringMetrics {
  /** Has `look` asked each time the metrics are read. */
  watchScoring(look: () => ScoringFigures): void;
}

/** Registers them. */
export function addScoringMetrics(registry: Registry): ScoringMetrics {
  const registers = [registry];
  let look: (() => ScoringFigures) | undefined;
  /** One figure each; a Gauge also where it only grows: the count is kept elsewhere. */
  const gauge = (name: string, help: string, of: (figures: ScoringFigures) => number | undefined) =>
    new Gauge({
      name: `upnext_${name}`,
      help,
      registers,
      collect() {
        const value = look && of(look());
        if (value !== undefined) this.set(value);
      },
    });
  gauge("encoding_hits", "Encodings of users that requests found kept.", ({ encodings }) => encodings.hits);
  gauge("encoding_misses", "Encodings that requests waited for.", ({ encodings }) => encodings.misses);
  gauge("encodings_ahead", "Encodings made when an event came.", ({ encodings }) => encodings.ahead);
  gauge("encoded_users", "Users whose encodings are kept.", ({ encodings }) => encodings.users);
  gauge("encoding_bytes", "What kept encodings take, about.", ({ encodings }) => encodings.bytes);
  gauge("scoring_threads", "Threads that compute networks.", ({ threads }) => threads?.alive);
  gauge("scoring_waiting", "Calls that wait for such a thread.", ({ threads }) => threads?.waiting);
  gauge("scoring_calls", "Calls of networks on threads.", ({ threads }) => threads?.calls);
  gauge("scoring_threads_died", "Scoring threads that were replaced.", ({ threads }) => threads?.died);
  return {
    watchScoring(given) {
      look = given;
    },
  };
}
