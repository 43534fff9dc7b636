/** Experiments: two ways to answer, each for its share of the users, and what comes of it while it comes. */
import { useEffect } from "preact/hooks";
import { api, type ExperimentOverview } from "../api.ts";
import { ago } from "../format.ts";
import { Experiment } from "../parts/experiment.tsx";
import { ExperimentForm } from "../parts/experiment-form.tsx";
import { Failure, Waiting } from "../parts/states.tsx";
import { go, hrefOf, Link, type Place } from "../router.tsx";
import { useLoad } from "../use-load.ts";

const LOOK_MS = 5_000;

export function ExperimentsView({ query }: { readonly query: Place["query"] }) {
  const { value, error, reload } = useLoad(api.experiments, []);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), LOOK_MS);
    return () => clearInterval(timer);
  }, [reload]);
  if (value === undefined) {
    return error === undefined ? (
      <Waiting what="Looking for experiments" />
    ) : (
      <Failure error={error} retry={reload} />
    );
  }
  const { experiments } = value;
  const starting = query["start"] !== undefined || experiments.length === 0;
  const chosen = experiments.find(({ name }) => name === query["experiment"]) ?? experiments[0];
  const user = { user: query["user"] };
  return (
    <div class="experiments">
      <div class="feed-head">
        <h1>Experiments</h1>
        {!starting && (
          <Link to={hrefOf("experiments", { ...user, start: "1" })} class="button primary">
            Start one
          </Link>
        )}
      </div>
      {experiments.length === 0 && (
        <p class="lead">
          No experiment was started yet. Say below what the second arm does otherwise: half of the users get
          it from then on, the other half what everybody gets now, and this page shows what comes of it.
        </p>
      )}
      {starting ? (
        <ExperimentForm
          onStart={(name) => {
            reload();
            go(hrefOf("experiments", { ...user, experiment: name }));
          }}
          onCancel={experiments.length === 0 ? undefined : () => go(hrefOf("experiments", user))}
        />
      ) : (
        <div class="split">
          <ol class="releases" aria-label="Experiments, newest first">
            {experiments.map((each) => (
              <li key={each.name}>
                <Link
                  to={hrefOf("experiments", { ...user, experiment: each.name })}
                  class="release"
                  aria-current={each === chosen ? "true" : undefined}
                >
                  <code>{each.name}</code>
                  <Running experiment={each} />
                  <span class="soft">began {ago(each.startedAt)}</span>
                </Link>
              </li>
            ))}
          </ol>
          <Experiment
            key={chosen!.name}
            name={chosen!.name}
            metric={query["metric"]}
            user={query["user"]}
            onStop={reload}
          />
        </div>
      )}
    </div>
  );
}

function Running({ experiment: { stoppedAt, problem } }: { readonly experiment: ExperimentOverview }) {
  if (stoppedAt !== null) return <span class="state-earlier">stopped</span>;
  return problem === null ? (
    <span class="state-current">running</span>
  ) : (
    <span class="state-refused">incomplete</span>
  );
}
