/** One experiment: what follows from it, the interval as it shrinks, every metric, and how each arm is served. */
import { useEffect, useState } from "preact/hooks";
import { api, type ExperimentDetails } from "../api.ts";
import { ago, count, decimal, moment, ms, percent, words } from "../format.ts";
import { go, hrefOf } from "../router.tsx";
import { useLoad } from "../use-load.ts";
import { IntervalChart } from "./interval-chart.tsx";
import { Failure, Waiting } from "./states.tsx";
import { TableHead } from "./table-head.tsx";

const LOOK_MS = 2_000;
type Report = ExperimentDetails["report"];
type Metric = Report["metrics"][number];

interface Props {
  readonly name: string;
  /** Whose history is drawn; the one that decides where it is not given. */
  readonly metric: string | undefined;
  readonly user: string | undefined;
  readonly onStop: () => void;
}

export function Experiment({ name, metric, user, onStop }: Props) {
  const { value, error, reload } = useLoad(() => api.experiment(name, metric), [name, metric]);
  const running = value?.stoppedAt === null;
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), LOOK_MS);
    return () => clearInterval(timer);
  }, [reload, running]);
  if (value === undefined) {
    return error === undefined ? (
      <Waiting what="Reading what users did" />
    ) : (
      <Failure error={error} retry={reload} />
    );
  }
  const { report } = value;
  const drawn = (running && report.metrics.find((each) => each.name === metric)) || report.metrics[0]!;
  return (
    <article class="why-item experiment">
      <header class="bundle-head">
        <div>
          <h2>
            <code>{name}</code>
          </h2>
          <p class="soft">
            {value.about === "" ? "" : `${value.about} · `}
            began {ago(value.startedAt)}
            {value.stoppedAt !== null && `, stopped ${moment(value.stoppedAt)}`} · decided by{" "}
            {words(value.metric)}
          </p>
        </div>
        {running && <StopButton name={name} onStop={() => [reload(), onStop()]} />}
      </header>
      {value.problem !== null && <p class="warn">One arm is answered as everybody is: {value.problem}</p>}
      <output class={`finding ${report.verdict.kind}`}>{report.verdict.sentence}</output>
      <section>
        <h3>
          {drawn.noun[0]!.toUpperCase() + drawn.noun.slice(1)}: how much more {value.arms[1]!.name} has
          <small>limits that hold at all times together, so that one may stop whenever one likes</small>
        </h3>
        {value.history.length > 1 ? (
          <IntervalChart points={value.history} smallest={value.smallest} label={chartLabel(drawn)} />
        ) : (
          <p class="soft chart-missing">
            The interval is drawn when each arm has fifty users: {count(report.arms[0]!.users)} and{" "}
            {count(report.arms[1]!.users)} have come.
          </p>
        )}
      </section>
      <Metrics
        report={report}
        arms={value.arms.map((arm) => arm.name)}
        drawn={drawn.name}
        onPick={
          running
            ? (picked) => go(hrefOf("experiments", { user, experiment: name, metric: picked }), true)
            : undefined
        }
      />
      <Arms details={value} />
    </article>
  );
}

function chartLabel({ noun, difference }: Metric): string {
  if (difference === null) return `The difference in ${noun} over time`;
  const { lower, upper } = difference;
  return `The difference in ${noun} over time; now between ${signed(lower)} and ${signed(upper)}`;
}

function StopButton({ name, onStop }: { readonly name: string; readonly onStop: () => void }) {
  const [asked, setAsked] = useState(false);
  const [said, setSaid] = useState("");
  const stop = async () => {
    try {
      await api.stopExperiment(name);
      onStop();
    } catch (failure) {
      setSaid((failure as Error).message);
    }
  };
  return (
    <div class="actions">
      {asked ? (
        <>
          <button type="button" class="button primary" onClick={stop}>
            Stop it for good
          </button>
          <button type="button" class="button" onClick={() => setAsked(false)}>
            Let it run
          </button>
        </>
      ) : (
        <button type="button" class="button" onClick={() => setAsked(true)}>
          Stop
        </button>
      )}
      <output aria-live="polite">{said}</output>
    </div>
  );
}

interface MetricsProps {
  readonly report: Report;
  readonly arms: readonly string[];
  readonly drawn: string;
  readonly onPick: ((metric: string) => void) | undefined;
}

/** Each metric on one scale: how much more of it the second arm has. */
function Metrics({ report: { metrics }, arms, drawn, onPick }: MetricsProps) {
  // On the scale of the ratio, as far as doubling: what is wider than that says nothing yet.
  const limits = metrics.flatMap(({ difference: d }) => (d === null ? [] : [Math.log1p(d.upper)]));
  const most = Math.min(Math.LN2, Math.max(0.02, ...limits));
  const at = (value: number) => `${50 + 50 * Math.max(-1, Math.min(1, Math.log1p(value) / most))}%`;
  return (
    <section>
      <h3>
        All metrics
        <small>
          users are what is counted; of those beside the first one, one in twenty is wrong by chance
        </small>
      </h3>
      <ul class="metrics">
        {metrics.map((metric) => {
          const { name, noun, values, difference } = metric;
          return (
            <li key={name} class={name === drawn ? "drawn" : undefined}>
              {onPick === undefined ? (
                <span>{words(name)}</span>
              ) : (
                <button type="button" aria-pressed={name === drawn} onClick={() => onPick(name)} title={noun}>
                  {words(name)}
                </button>
              )}
              <span class="number pair">
                {values.map((value, a) => (
                  <span key={arms[a]}>
                    <small>{arms[a]}</small> {value === null ? "–" : decimal(value, 3)}
                  </span>
                ))}
              </span>
              <span class="effect" aria-hidden="true">
                {difference !== null && (
                  <>
                    <i
                      class={`reach ${meaning(metric)}`}
                      style={{ left: at(difference.lower), right: `calc(100% - ${at(difference.upper)})` }}
                    />
                    <i class={`point ${meaning(metric)}`} style={{ left: at(difference.value) }} />
                  </>
                )}
              </span>
              <span class={`number ${meaning(metric)}`}>
                {difference === null ? (
                  "–"
                ) : (
                  <>
                    {signed(difference.value)}{" "}
                    <small>
                      {signed(difference.lower)} to {signed(difference.upper)}
                    </small>
                  </>
                )}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function meaning({ difference, better }: Metric): string {
  if (difference === null || (difference.lower <= 0 && difference.upper >= 0)) return "";
  return difference.value > 0 === (better === "more") ? "good" : "bad";
}

function Arms({ details: { arms, report } }: { readonly details: ExperimentDetails }) {
  const { ratio } = report;
  return (
    <section>
      <h3>The arms</h3>
      <div class="scroll">
        <table class="figures">
          <TableHead
            titles={["Arm", "What it does", "Share", "Users", "Answers", "Best rung", "P50", "P99"]}
          />
          <tbody>
            {report.arms.map((arm, a) => (
              <tr key={arm.name}>
                <th scope="row">{arm.name}</th>
                <td class="does">{does(arms[a]!)}</td>
                <td>{percent(arms[a]!.share)}</td>
                <td>{count(arm.users)}</td>
                <td>
                  {count(arm.answers)}
                  {arm.fallbacks > 0 && <em class="bad"> {count(arm.fallbacks)} as everybody's</em>}
                </td>
                <td>{arm.answers === 0 ? "–" : percent((arm.rungs["full"] ?? 0) / arm.answers, 1)}</td>
                <td>{ms(arm.p50Ms)}</td>
                <td>{ms(arm.p99Ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class={ratio.mismatch ? "bad" : "soft"}>
        {ratio.mismatch
          ? "The arms did not get their shares of the users."
          : report.users === 0
            ? "Nobody has come yet. Users are in it from their next feed on."
            : "The users are divided as the shares say."}
      </p>
    </section>
  );
}

function does({
  bundle,
  headWeights = {},
  policy = {},
  candidates,
}: ExperimentDetails["arms"][number]): string {
  const parts = [
    ...(bundle === undefined ? [] : [`bundle ${bundle.slice(0, 8)}`]),
    ...Object.entries(headWeights).map(([head, weight]) => `weight of ${words(head)} ${weight}`),
    ...Object.entries(policy).map(([rule, value]) => `${RULES[rule] ?? rule} ${value}`),
    ...(candidates === undefined ? [] : [`${candidates} candidates`]),
  ];
  return parts.length === 0 ? "as configured" : parts.join(", ");
}

const RULES: Readonly<Record<string, string>> = {
  maxPerCreator: "items of a creator",
  diversity: "diversity",
  explore: "exploration",
};

function signed(share: number): string {
  // Ten times as much: beyond that nothing is known.
  if (share > 10) return "> +1,000 %";
  return `${share > 0 ? "+" : share < 0 ? "−" : ""}${percent(Math.abs(share), 1)}`;
}
