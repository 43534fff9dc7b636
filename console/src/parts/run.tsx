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
      <div class={run.notes.length === 0 ? undefined : "run-parts"}>
        <ol class="steps">
          {steps.map((step) => (
            <Step key={step.startedAt + step.name} step={step} live={running && step.endedAt === null} />
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

function Step({ step, live }: { readonly step: TrainingRun["steps"][number]; readonly live: boolean }) {
  const { name, total, unit, done, startedAt, endedAt } = step;
  const share = endedAt !== null ? 1 : total === null || total === 0 ? 0 : Math.min(1, done / total);
  const amount =
    total === null
      ? done > 0
        ? `${count(done)} ${unit}`
        : ""
      : `${count(endedAt === null ? done : total)} of ${count(total)} ${unit}`;
  return (
    <li class={live ? "live" : undefined}>
      <span>{words(name)}</span>
      <span class="bar-line" aria-hidden="true">
        <i style={{ width: `${100 * share}%` }} />
      </span>
      <span class="number">{live ? amount || "…" : lasted(startedAt, endedAt ?? startedAt)}</span>
    </li>
  );
}

/** What was said while networks learned: how held-out items were ranked, and what rankers missed of validation lists. */
function Curves({ run: { notes } }: { readonly run: TrainingRun }) {
  const encoder = notes.flatMap(({ time, text }) => {
    const value = /NDCG@10 of held out items ([\d.]+)/.exec(text)?.[1];
    return value === undefined ? [] : [{ time, value: Number(value) }];
  });
  const rankers = rankersIn(notes);
  if (encoder.length < 2 && rankers.times.length < 2) {
    return (
      <ul class="notes">
        {notes.slice(-6).map(({ time, text }) => (
          <li key={time + text}>{text}</li>
        ))}
      </ul>
    );
  }
  return (
    <div>
      {encoder.length > 1 && (
        <HistoryChart
          times={encoder.map(({ time }) => time)}
          lines={[{ name: "NDCG@10 of held out items", values: encoder.map(({ value }) => value) }]}
          unit=""
          label="NDCG@10 of held out items while the encoder learns"
        />
      )}
      {rankers.times.length > 1 && (
        <HistoryChart {...rankers} unit="" label="Loss of rankers on validation lists, after each epoch" />
      )}
    </div>
  );
}

/** A line for each network: one that learns anew begins at epoch 1 again. */
function rankersIn(notes: TrainingRun["notes"]) {
  const points: { readonly time: number; readonly line: number; readonly loss: number }[] = [];
  const names: string[] = [];
  for (const { time, text } of notes) {
    const found = /^(\S+): validation loss (-?[\d.]+) after epoch (\d+)$/.exec(text);
    if (found === null) continue;
    const [, name, loss, epoch] = found;
    if (epoch === "1" || names.length === 0) {
      const same = names.filter((other) => other.startsWith(name!)).length;
      names.push(same === 0 ? name! : `${name} ${same + 1}`);
    }
    points.push({ time, line: names.length - 1, loss: Number(loss) });
  }
  const lines = names.map((name, at) => ({
    name: `loss of ${words(name)}`,
    values: points.map(({ line, loss }) => (line === at ? loss : null)),
  }));
  return { times: points.map(({ time }) => time), lines };
}

function lasted(from: number, to: number): string {
  const seconds = (to - from) / 1000;
  return seconds < 90
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
