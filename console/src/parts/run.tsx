/** The newest training: what it does at this moment, how far it is, and what it found on the way. */
import { useEffect } from "preact/hooks";
import { api, type TrainingRun } from "../api.ts";
import { ago, count, words } from "../format.ts";
import { useLoad } from "../use-load.ts";
import { HistoryChart } from "./history-chart.tsx";

const LOOK_MS = 1_000;
/** A training that said nothing for so long was killed, or its machine sleeps. */
const SILENT_MS = 5 * 60_000;

/** @param onEnd is called when a training that was under way has ended */
export function Run({ onEnd }: { readonly onEnd: () => void }) {
  const { value, reload } = useLoad(api.training, []);
  const run = value?.run ?? null;
  const running = run !== null && isRunning(run);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), LOOK_MS);
    return () => clearInterval(timer);
  }, [reload]);
  useEffect(() => (running ? onEnd : undefined), [running]);
  if (run === null) return null;
  const { startedAt, failure, steps } = run;
  return (
    <section class="panel run" aria-labelledby="run-title">
      <h2 id="run-title">
        {running
          ? "A training is under way"
          : failure === null
            ? "The newest training"
            : "The newest training failed"}
        <small>
          began {ago(startedAt)}
          {!running && `, took ${lasted(startedAt, run.endedAt ?? run.updatedAt)}`}
        </small>
      </h2>
      {failure !== null && <p class="bad">{failure}</p>}
      {run.endedAt === null && !running && <p class="warn">It was heard of last {ago(run.updatedAt)}.</p>}
      {running && <Progress step={steps.findLast(({ endedAt }) => endedAt === null)} />}
      <div class={run.notes.length === 0 ? undefined : "run-parts"}>
        <ol class="steps">
          {steps.map((step) => (
            <Step
              key={step.startedAt + step.name}
              step={step}
              run={run}
              live={running && step.endedAt === null}
            />
          ))}
        </ol>
        <Curves run={run} />
      </div>
    </section>
  );
}

function isRunning({ endedAt, updatedAt }: TrainingRun): boolean {
  return endedAt === null && Date.now() - updatedAt < SILENT_MS;
}

/** What is done at this moment, and how much of it. */
function Progress({ step }: { readonly step: TrainingRun["steps"][number] | undefined }) {
  if (step === undefined) return null;
  const { name, done, total, unit } = step;
  const sized = total !== null && total > 0;
  return (
    <>
      <p class="so-far">
        <b>{words(name)}</b>
        <span>
          {sized ? `${count(done)} of ${count(total)} ${unit}` : done > 0 ? `${count(done)} ${unit}` : "…"}
        </span>
      </p>
      <progress {...(sized && { value: Math.min(done, total), max: total })} aria-label={words(name)} />
    </>
  );
}

interface StepProps {
  readonly step: TrainingRun["steps"][number];
  readonly run: TrainingRun;
  readonly live: boolean;
}

/** A bar from when it began to when it ended, on the length of the run. */
function Step({ step, run, live }: StepProps) {
  const { name, startedAt, endedAt } = step;
  const length = Math.max(1, (run.endedAt ?? run.updatedAt) - run.startedAt);
  const at = (time: number) => Math.min(100, (100 * (time - run.startedAt)) / length);
  const end = endedAt ?? run.updatedAt;
  return (
    <li class={live ? "live" : undefined}>
      <span>{words(name)}</span>
      <span class="span" aria-hidden="true">
        <i style={{ left: `${at(startedAt)}%`, width: `${at(end) - at(startedAt)}%` }} />
      </span>
      <span class="number">{lasted(startedAt, end)}</span>
    </li>
  );
}

/** What was said while networks learned: how held-out items were ranked, and what rankers missed of validation lists. */
function Curves({ run: { notes, startedAt } }: { readonly run: TrainingRun }) {
  const encoder = notes.flatMap(({ time, text }) => {
    const value = /NDCG@10 of held out items ([\d.]+)/.exec(text)?.[1];
    return value === undefined ? [] : [{ time, value: Number(value) }];
  });
  const rankers = rankersIn(notes);
  if (encoder.length === 0 && rankers.at.length < 2) {
    return (
      <ul class="notes">
        {notes.slice(-6).map(({ time, text }) => (
          <li key={time + text}>{text}</li>
        ))}
      </ul>
    );
  }
  return (
    <div class="curves">
      {encoder.length === 1 && (
        <p class="notes">The encoder ranks held-out items at NDCG@10 {encoder[0]!.value.toFixed(4)}.</p>
      )}
      {encoder.length > 1 && (
        <section>
          <h3>The encoder, on held-out items</h3>
          <HistoryChart
            at={encoder.map(({ time }) => (time - startedAt) / 1000)}
            lines={[{ name: "NDCG@10", values: encoder.map(({ value }) => value) }]}
            unit=""
            along="seconds"
            label="NDCG@10 of held-out items while the encoder learns"
          />
        </section>
      )}
      {rankers.at.length > 1 && (
        <section>
          <h3>Rankers, on validation lists</h3>
          <HistoryChart {...rankers} unit="" along="epochs" label="Loss of rankers after each epoch" />
        </section>
      )}
    </div>
  );
}

/** A line for each network over its epochs: one that learns anew begins at epoch 1 again. */
function rankersIn(notes: TrainingRun["notes"]) {
  const lines: { readonly name: string; readonly values: (number | null)[] }[] = [];
  for (const { text } of notes) {
    const found = /^(\S+): validation loss (-?[\d.]+) after epoch (\d+)$/.exec(text);
    if (found === null) continue;
    const [, name = "", loss, epoch] = found;
    if (epoch === "1" || lines.length === 0) {
      const title = `loss of ${words(name)}`;
      const same = lines.filter((other) => other.name.startsWith(title)).length;
      lines.push({ name: same === 0 ? title : `${title} ${same + 1}`, values: [] });
    }
    lines.at(-1)!.values[Number(epoch) - 1] = Number(loss);
  }
  const most = Math.max(0, ...lines.map(({ values }) => values.length));
  const at = Array.from({ length: most }, (_, i) => i + 1);
  return {
    at,
    lines: lines.map(({ name, values }) => ({ name, values: at.map((_, i) => values[i] ?? null) })),
  };
}

function lasted(from: number, to: number): string {
  const seconds = (to - from) / 1000;
  return seconds < 90
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
