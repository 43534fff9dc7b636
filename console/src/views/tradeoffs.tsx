/** What quality costs: the rungs of rankers against the objective, what was given up, and two bundles side by side. */
import { useState } from "preact/hooks";
import { api, type Release, type ReleaseDetails, type Tradeoffs } from "../api.ts";
import { moment, ms, words } from "../format.ts";
import { type Cost, Frontier, titleOf } from "../parts/frontier.tsx";
import { Failure, Note, Waiting } from "../parts/states.tsx";
import { SystemsTable } from "../parts/systems-table.tsx";
import { TableHead } from "../parts/table-head.tsx";
import { go, hrefOf, type Place } from "../router.tsx";
import { useLoad } from "../use-load.ts";

export function TradeoffsView({ query }: { readonly query: Place["query"] }) {
  const { value, error, reload } = useLoad(api.releases, []);
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  if (value === undefined) return <Waiting what="Looking through the bundles" />;
  const { releases } = value;
  if (releases.length === 0) {
    return (
      <div class="tradeoffs">
        <h1>What quality costs</h1>
        <Note title="Nothing is trained yet" line="npx upnext tradeoffs --promote">
          This command fits every rung of rankers, measures what each is worth and what a request costs with
          it on this machine, and releases the one that the objective takes.
        </Note>
      </div>
    );
  }
  const current = releases.find(({ state }) => state === "current") ?? releases[0]!;
  const chosen = releases.find(({ bundle }) => bundle === query["bundle"]) ?? current;
  const other = releases.find(({ bundle }) => bundle === query["with"]);
  return (
    <div class="tradeoffs">
      <div class="feed-head">
        <h1>What quality costs</h1>
        <div class="field-row">
          <BundlePicker
            label="Bundle"
            releases={releases}
            value={chosen.bundle}
            onPick={(bundle) => go(hrefOf("tradeoffs", { user: query["user"], bundle, with: query["with"] }))}
          />
          {releases.length > 1 && (
            <BundlePicker
              label="Compared with"
              releases={releases.filter((each) => each !== chosen)}
              value={other?.bundle ?? ""}
              none="nothing"
              onPick={(bundle) =>
                go(hrefOf("tradeoffs", { user: query["user"], bundle: chosen.bundle, with: bundle }))
              }
            />
          )}
        </div>
      </div>
      <Compared key={`${chosen.bundle} ${other?.bundle}`} bundle={chosen.bundle} other={other?.bundle} />
    </div>
  );
}

interface PickerProps {
  readonly label: string;
  readonly releases: readonly Release[];
  readonly value: string;
  /** The choice of no bundle. */
  readonly none?: string;
  readonly onPick: (bundle: string) => void;
}

function BundlePicker({ label, releases, value, none, onPick }: PickerProps) {
  return (
    <label class="labelled">
      <span>{label}</span>
      <select value={value} onChange={(event) => onPick(event.currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {releases.map(({ bundle, state }) => (
          <option key={bundle} value={bundle}>
            {bundle.slice(0, 8)}
            {state === "current" ? ", in service" : ""}
          </option>
        ))}
      </select>
    </label>
  );
}

function Compared({ bundle, other }: { readonly bundle: string; readonly other: string | undefined }) {
  const ask = () => Promise.all([api.release(bundle), other === undefined ? undefined : api.release(other)]);
  const { value, error, reload } = useLoad(ask, [bundle, other]);
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  if (value === undefined) return <Waiting what="Reading what was measured" />;
  const [details, others] = value;
  return (
    <>
      {details.tradeoffs === null ? (
        <NoEvidence details={details} />
      ) : (
        <Evidence tradeoffs={details.tradeoffs} />
      )}
      {details.systems.length > 0 && (
        <div class="panel">
          {others !== undefined && (
            <p class="legend">
              <span>
                <i class="dot" /> {details.bundle.slice(0, 8)}
              </span>
              <span>
                <i class="dot hollow" /> {others.bundle.slice(0, 8)}
              </span>
              <span class="soft">
                each on what its own training held out: intervals that overlap say nothing
              </span>
            </p>
          )}
          <SystemsTable details={details} other={others} />
        </div>
      )}
    </>
  );
}

function NoEvidence({ details }: { readonly details: ReleaseDetails }) {
  const latency = details.checks?.find(({ name }) => name === "latency");
  return (
    <div class="panel">
      <h2>
        {details.rung === null
          ? "This bundle has no ranker"
          : `The ranker of this bundle: ${words(details.rung)}`}
      </h2>
      <p class="soft">
        It was not chosen by measured trade-offs. The command below measures every rung of rankers on this log
        and this machine, and releases the one that the objective takes; its evidence is then drawn here.
      </p>
      <code class="line">npx upnext tradeoffs --promote</code>
      {latency !== undefined && (
        <p class="gate-latency">
          What the release gate measured of this one: expected {latency.expected}; came {latency.came}.
        </p>
      )}
    </div>
  );
}

function Evidence({ tradeoffs }: { readonly tradeoffs: Tradeoffs }) {
  const [cost, setCost] = useState<Cost>("p99Ms");
  const { rungs, metric, chosen, sentences, objective, measuredAt } = tradeoffs;
  return (
    <div class="panel evidence">
      <div>
        <fieldset class="choice" aria-label="Cost">
          {(["p99Ms", "cpuMs"] as const).map((name) => (
            <button key={name} type="button" aria-pressed={name === cost} onClick={() => setCost(name)}>
              {titleOf(name)}
            </button>
          ))}
        </fieldset>
        <Frontier tradeoffs={tradeoffs} cost={cost} />
      </div>
      <div class="chosen-text">
        {sentences.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
        <div class="scroll">
          <table class="figures">
            <TableHead titles={["Rung", metric, "P99", "CPU", "Verdict"]} />
            <tbody>
              {rungs.map(({ name, quality, p99Ms, cpuMs, verdict }) => (
                <tr key={name} class={name === chosen ? "chosen" : undefined}>
                  <th scope="row">{words(name)}</th>
                  <td>{quality === null ? "–" : quality.value.toFixed(4)}</td>
                  <td>{ms(p99Ms.value)}</td>
                  <td>{ms(cpuMs.value)}</td>
                  <td class="verdict-cell">{verdict}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <p class="soft">
          Measured {moment(measuredAt)}, ranking {objective.candidates} candidates;{" "}
          {Math.round(100 * objective.margin)} % of the objective stay free.
        </p>
      </div>
    </div>
  );
}
