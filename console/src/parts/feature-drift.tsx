/** What the ranker reads, and how far it has moved since the bundle was trained. Computed when it is asked for. */
import { useState } from "preact/hooks";
import { api, type Features } from "../api.ts";
import { count, decimal, moment, percent } from "../format.ts";
import { Failure, Waiting } from "./states.tsx";
import { TableHead } from "./table-head.tsx";

/** The convention of the index: a lot. */
const MOVED = 0.25;
/** Where the bar is full. */
const FULL = 1;

export function FeatureDrift() {
  const [value, setValue] = useState<Features>();
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const look = async () => {
    setBusy(true);
    setError(undefined);
    try {
      setValue(await api.features());
    } catch (failure) {
      setError(failure as Error);
    } finally {
      setBusy(false);
    }
  };
  if (busy) return <Waiting what="Reading the log from its beginning" />;
  if (error !== undefined) return <Failure error={error} retry={look} />;
  if (value === undefined) {
    return (
      <div class="note">
        <h2>How far has what the ranker reads moved?</h2>
        <p>
          Every feature is computed anew for the newest slates, with the same code as for a request, and
          compared with what the bundle in service was trained on. A process beside the server reads the log
          from its beginning for that: seconds to minutes.
        </p>
        <button type="button" class="button primary" onClick={look}>
          Look
        </button>
      </div>
    );
  }
  const { readAt, bundle, exposures, features } = value;
  const sorted = features.toSorted((a, b) => (b.drift ?? -1) - (a.drift ?? -1));
  const moved = features.filter(({ drift }) => drift !== null && drift > MOVED).length;
  return (
    <div class="panel scroll">
      <p class="lead">
        {count(features.length)} features over {count(exposures)} slates, as of {moment(readAt)}.{" "}
        {bundle === null
          ? "Without a bundle there is nothing to compare with."
          : `${count(moved)} of them have moved since bundle ${bundle.slice(0, 8)} was trained (an index above ${MOVED}).`}
      </p>
      <table class="figures drift">
        <TableHead titles={["Feature", "Of", "Says something", "Mean", "Deviation", "Drift"]} />
        <tbody>
          {sorted.map(({ name, per, known, mean, deviation, drift }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{per}</td>
              <td>{percent(known)}</td>
              <td>{mean === null ? "–" : decimal(mean)}</td>
              <td>{deviation === null ? "–" : decimal(deviation)}</td>
              <td class={drift !== null && drift > MOVED ? "warn" : undefined}>
                {drift === null ? (
                  "–"
                ) : (
                  <>
                    <i class="drift-bar" style={{ width: `${(60 * Math.min(FULL, drift)) / FULL}px` }} />
                    {drift.toFixed(2)}
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
