/** What a training measured: every source, the blend and both stages, with their intervals, as dots on one scale. */
import { useState } from "preact/hooks";
import type { ReleaseDetails } from "../api.ts";
import { percent } from "../format.ts";

const METRICS = ["ndcg@10", "hr@10", "recall@100", "recall@500", "coverage"] as const;
type Metric = (typeof METRICS)[number];

const TITLES: Readonly<Record<Metric, string>> = {
  "ndcg@10": "NDCG@10",
  "hr@10": "HR@10",
  "recall@100": "Recall@100",
  "recall@500": "Recall@500",
  coverage: "Coverage",
};

interface TableProps {
  readonly details: ReleaseDetails;
  /** Another bundle, drawn hollow beside it. */
  readonly other?: ReleaseDetails | undefined;
}

export function SystemsTable({ details, other }: TableProps) {
  const [metric, setMetric] = useState<Metric>("ndcg@10");
  const valueIn = (of: ReleaseDetails | undefined, name: string) => {
    const metrics = of?.systems.find((system) => system.name === name)?.metrics;
    return { value: metrics?.[metric] ?? null, half: metrics?.[`${metric}±`] ?? 0 };
  };
  const rows = details.systems.map(({ name }) => ({
    name,
    own: valueIn(details, name),
    theirs: valueIn(other, name),
  }));
  const most = Math.max(
    0.0001,
    ...rows.flatMap(({ own, theirs }) => [
      (own.value ?? 0) + (own.half ?? 0),
      (theirs.value ?? 0) + (theirs.half ?? 0),
    ]),
  );
  const share = (value: number) => `${Math.min(100, Math.max(0, (100 * value) / most))}%`;
  return (
    <section class="systems">
      <div class="systems-head">
        <h3>
          Measured on what was held out{" "}
          <small>{details.examples.toLocaleString("en-GB")} test items, intervals of 95 %</small>
        </h3>
        <label>
          <span class="visually-hidden">Metric</span>
          <select value={metric} onChange={(event) => setMetric(event.currentTarget.value as Metric)}>
            {METRICS.map((name) => (
              <option key={name} value={name}>
                {TITLES[name]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <ul>
        {rows.map(({ name, own, theirs }) => (
          <li key={name} class={name === "two-stage" ? "whole" : undefined}>
            <span>{name}</span>
            <span class="dots" aria-hidden="true">
              {theirs.value !== null && <Whisker {...theirs} share={share} hollow />}
              {own.value !== null && <Whisker {...own} share={share} />}
            </span>
            <span class="number">
              {own.value === null ? "–" : figure(metric, own.value)}
              {own.value !== null && (own.half ?? 0) > 0 && <small> ±{figure(metric, own.half ?? 0)}</small>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function figure(metric: Metric, value: number): string {
  return metric === "coverage" ? percent(value, 1) : value.toFixed(4);
}

interface WhiskerProps {
  readonly value: number | null;
  readonly half: number | null;
  readonly share: (value: number) => string;
  readonly hollow?: true;
}

function Whisker({ value, half, share, hollow }: WhiskerProps) {
  const [middle, reach] = [value ?? 0, half ?? 0];
  return (
    <>
      <i
        class={hollow ? "whisker hollow" : "whisker"}
        style={{ left: share(middle - reach), right: `calc(100% - ${share(middle + reach)})` }}
      />
      <i class={hollow ? "dot hollow" : "dot"} style={{ left: share(middle) }} />
    </>
  );
}
