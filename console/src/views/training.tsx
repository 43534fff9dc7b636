/** Bundles: what each was trained on, what it measured, what the gate said of it, and which one serves. */
import { useState } from "preact/hooks";
import { api, type Check, type Release, type ReleaseDetails } from "../api.ts";
import { ago, count, moment, words } from "../format.ts";
import { Icon } from "../parts/icon.tsx";
import { Run } from "../parts/run.tsx";
import { Failure, Note, Waiting } from "../parts/states.tsx";
import { SystemsTable } from "../parts/systems-table.tsx";
import { hrefOf, Link, type Place } from "../router.tsx";
import { useLoad } from "../use-load.ts";

const STATES: Readonly<Record<Release["state"], string>> = {
  current: "in service",
  previous: "before it",
  earlier: "served once",
  refused: "refused",
  candidate: "not released",
};

export function TrainingView({ query }: { readonly query: Place["query"] }) {
  const { value, error, reload } = useLoad(api.releases, []);
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  if (value === undefined) return <Waiting what="Looking through the bundles" />;
  const { releases } = value;
  if (releases.length === 0) {
    return (
      <div class="training">
        <h1>Trainings and releases</h1>
        <Run onEnd={reload} />
        <Note title="Nothing is trained yet" line="npx upnext train">
          A training reads the log, fits the sources and the ranker, measures them on the newest part, and
          puts all of it into a bundle. This server takes it up by itself.
        </Note>
      </div>
    );
  }
  const chosen = releases.find(({ bundle }) => bundle === query["bundle"]) ?? releases[0]!;
  return (
    <div class="training">
      <h1>Trainings and releases</h1>
      <Run onEnd={reload} />
      <div class="split">
        <ol class="releases" aria-label="Bundles, newest first">
          {releases.map((release) => (
            <li key={release.bundle}>
              <Link
                to={hrefOf("training", { user: query["user"], bundle: release.bundle })}
                class="release"
                aria-current={release === chosen ? "true" : undefined}
              >
                <code>{release.bundle.slice(0, 8)}</code>
                <span class={`state-${release.state}`}>{STATES[release.state]}</span>
                <span class="soft">
                  {ago(release.createdAt)}, {count(release.logOffset)} events
                </span>
                <span class="number">
                  {release.ndcg10 === null ? "not measured" : `NDCG@10 ${release.ndcg10.toFixed(3)}`}
                </span>
              </Link>
            </li>
          ))}
        </ol>
        <Bundle key={chosen.bundle} release={chosen} onChange={reload} />
      </div>
      <p class="soft">
        A new training: <code>npx upnext train</code> beside the server, which takes up what the gate accepts.
      </p>
    </div>
  );
}

function Bundle({ release, onChange }: { readonly release: Release; readonly onChange: () => void }) {
  const { value: details, error, reload } = useLoad(() => api.release(release.bundle), [release.bundle]);
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  if (details === undefined) return <Waiting what="Reading the bundle" />;
  return (
    <article class="why-item">
      <header class="bundle-head">
        <div>
          <h2>
            Bundle <code>{release.bundle}</code>
          </h2>
          <p class="soft">
            {moment(details.createdAt)}, on {count(details.logOffset)} events with {count(details.items)}{" "}
            items; {details.rung === null ? "no ranker" : `ranker: ${words(details.rung)}`}
          </p>
        </div>
        <Actions
          release={release}
          onDone={() => {
            onChange();
            reload();
          }}
        />
      </header>
      {details.systems.length > 0 && <SystemsTable details={details} />}
      <Gate details={details} />
      {release.changes.length > 0 && (
        <section>
          <h3>In and out of service</h3>
          <ul class="changes">
            {release.changes.map(({ time, kind, despite }) => (
              <li key={time}>
                {moment(time)}: {kind === "promote" ? "promoted" : "rolled back to"}
                {despite !== undefined && `, despite a refusal: ${despite}`}
              </li>
            ))}
          </ul>
        </section>
      )}
    </article>
  );
}

function Actions({ release, onDone }: { readonly release: Release; readonly onDone: () => void }) {
  const [doing, setDoing] = useState<string>();
  const [said, setSaid] = useState("");
  async function run(what: string, act: () => Promise<string>): Promise<void> {
    setDoing(what);
    setSaid("");
    try {
      setSaid(await act());
      onDone();
    } catch (failure) {
      setSaid((failure as Error).message);
    } finally {
      setDoing(undefined);
    }
  }
  const promote = async () => {
    const { accepted, checks } = await api.promote(release.bundle);
    if (accepted) return "The gate accepted it: it serves now.";
    const refused = checks.filter(({ passed }) => passed === false).map(({ name }) => name);
    return `The gate refused it: ${refused.join(", ")}.`;
  };
  const rollBack = async () => {
    await api.rollback(release.bundle);
    return "It serves again.";
  };
  const served = release.state === "previous" || release.state === "earlier";
  return (
    <div class="actions">
      {release.state === "current" ? (
        <p class="good serves">
          <Icon name="check" /> in service
        </p>
      ) : (
        <>
          <button
            type="button"
            class="button primary"
            disabled={doing !== undefined}
            onClick={() => run("promote", promote)}
          >
            {doing === "promote" ? "Asking the gate …" : "Promote"}
          </button>
          {served && (
            <button
              type="button"
              class="button"
              disabled={doing !== undefined}
              onClick={() => run("rollback", rollBack)}
            >
              {doing === "rollback" ? "Rolling back …" : "Roll back to it"}
            </button>
          )}
        </>
      )}
      <output aria-live="polite">{said}</output>
    </div>
  );
}

function Gate({ details }: { readonly details: ReleaseDetails }) {
  const { checks } = details;
  if (checks === null) return <p class="soft">The release gate has not seen this bundle.</p>;
  return (
    <section>
      <h3>Release gate</h3>
      <ul class="gate">
        {checks.map((check) => (
          <li key={check.name}>
            <b class={verdictClass(check)}>
              <Icon name={check.passed === false ? "dismiss" : "check"} />
              {check.name}
            </b>
            <span>
              {check.came === "that" ? check.expected : `expected ${check.expected}; came ${check.came}`}
              {check.cure !== undefined && <em> {check.cure}</em>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function verdictClass({ passed }: Check): string {
  if (passed === null) return "soft";
  return passed ? "good" : "bad";
}
