/** What an experiment compares: one thing that the second arm does otherwise, or two bundles. */
import { useState } from "preact/hooks";
import { type ArmStart, api, type Release, type Status } from "../api.ts";
import { words } from "../format.ts";
import { useLoad } from "../use-load.ts";
import { Failure, Waiting } from "./states.tsx";

interface Choice {
  readonly title: string;
  readonly about: string;
  /** Of what is typed; of a bundle, its choices. */
  readonly initial: string;
  readonly choices?: readonly { readonly value: string; readonly title: string }[];
  readonly arm: (value: string) => Partial<ArmStart>;
}

interface FormProps {
  readonly onStart: (name: string) => void;
  readonly onCancel: (() => void) | undefined;
}

export function ExperimentForm(props: FormProps) {
  const ask = () => Promise.all([api.status(), api.releases()]);
  const { value, error, reload } = useLoad(ask, []);
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  if (value === undefined) return <Waiting what="Looking at what can be compared" />;
  const [status, { releases }] = value;
  return <Form {...props} choices={choicesOf(status, releases)} />;
}

const METRICS = [
  "long-watch-rate",
  "click-rate",
  "watch-share",
  "approval-rate",
  "watch-minutes",
  "feeds",
] as const;

function Form({
  choices,
  onStart,
  onCancel,
}: FormProps & { readonly choices: Readonly<Record<string, Choice>> }) {
  const [kind, setKind] = useState("diversity");
  const choice = choices[kind]!;
  const [value, setValue] = useState(choice.initial);
  const [name, setName] = useState("");
  const [users, setUsers] = useState("1");
  const [metric, setMetric] = useState<string>(METRICS[0]);
  const [smallest, setSmallest] = useState("10");
  const [about, setAbout] = useState("");
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setSaid("");
    const share = Number(users) / 2;
    const called = name.trim() === "" ? `${kind}-${value}`.replaceAll(/[^A-Za-z0-9._-]/g, "-") : name.trim();
    try {
      await api.startExperiment({
        name: called,
        arms: [
          { name: "A", share },
          { name: "B", share, ...choice.arm(value) },
        ],
        metric,
        smallest: Number(smallest) / 100,
        ...(about.trim() !== "" && { about: about.trim() }),
      });
      onStart(called);
    } catch (failure) {
      setSaid((failure as Error).message);
      setBusy(false);
    }
  };
  return (
    <form class="panel start" onSubmit={submit}>
      <h2>Start an experiment</h2>
      <div class="fields">
        <label class="labelled">
          <span>What B does otherwise</span>
          <select
            value={kind}
            onChange={({ currentTarget }) => {
              setKind(currentTarget.value);
              setValue(choices[currentTarget.value]!.initial);
            }}
          >
            {Object.entries(choices).map(([key, { title }]) => (
              <option key={key} value={key}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <div class="labelled">
          <span id="start-value">{choice.about}</span>
          {choice.choices === undefined ? (
            <input
              aria-labelledby="start-value"
              inputMode="decimal"
              required
              value={value}
              onInput={(e) => setValue(e.currentTarget.value)}
            />
          ) : (
            <select
              aria-labelledby="start-value"
              value={value}
              onChange={(e) => setValue(e.currentTarget.value)}
            >
              {choice.choices.map((each) => (
                <option key={each.value} value={each.value}>
                  {each.title}
                </option>
              ))}
            </select>
          )}
        </div>
        <label class="labelled">
          <span>Its name</span>
          <input
            value={name}
            placeholder={`${kind}-${value}`}
            maxLength={64}
            onInput={(e) => setName(e.currentTarget.value)}
          />
        </label>
        <label class="labelled">
          <span>Users in it</span>
          <select value={users} onChange={(e) => setUsers(e.currentTarget.value)}>
            <option value="1">all, half in each arm</option>
            <option value="0.5">half, a quarter in each arm</option>
            <option value="0.2">one in five, a tenth in each arm</option>
            <option value="0.02">one in fifty, one in a hundred in each arm</option>
          </select>
        </label>
        <label class="labelled">
          <span>Decided by</span>
          <select value={metric} onChange={(e) => setMetric(e.currentTarget.value)}>
            {METRICS.map((each) => (
              <option key={each} value={each}>
                {words(each)}
              </option>
            ))}
          </select>
        </label>
        <label class="labelled">
          <span>Smallest difference worth knowing of, in %</span>
          <input
            inputMode="decimal"
            required
            value={smallest}
            onInput={(e) => setSmallest(e.currentTarget.value)}
          />
        </label>
        <label class="labelled wide">
          <span>Why (kept with it)</span>
          <input value={about} maxLength={1000} onInput={(e) => setAbout(e.currentTarget.value)} />
        </label>
      </div>
      <p class="soft">
        A is answered as everybody is now. Who is in which arm follows from the name and the user alone, on
        every replica and after a restart. You may look as often as you like: the limits hold all the same.
      </p>
      <div class="field-row">
        <button type="submit" class="button primary" disabled={busy}>
          {busy ? "Starting …" : "Start it"}
        </button>
        {onCancel !== undefined && (
          <button type="button" class="button" onClick={onCancel}>
            Back
          </button>
        )}
        <output aria-live="polite" class="bad">
          {said}
        </output>
      </div>
    </form>
  );
}

function choicesOf(status: Status, releases: readonly Release[]): Readonly<Record<string, Choice>> {
  const { heads, candidates } = status.settings;
  const others = releases.filter(({ state }) => state !== "current");
  const policy = (rule: "diversity" | "explore" | "maxPerCreator") => (value: string) => ({
    policy: { [rule]: Number(value) },
  });
  return {
    diversity: {
      title: "Diversity of the slate",
      about: "Diversity in B, 0 to 1",
      initial: "0.4",
      arm: policy("diversity"),
    },
    explore: {
      title: "Exploration",
      about: "Share of the slots that chance fills in B",
      initial: "0.05",
      arm: policy("explore"),
    },
    "per-creator": {
      title: "Items of one creator",
      about: "At most in a slate of B (0: no cap)",
      initial: "1",
      arm: policy("maxPerCreator"),
    },
    candidates: {
      title: "Candidates that are ranked",
      about: `In B; now ${candidates}`,
      initial: String(Math.max(1, Math.round(candidates / 4))),
      arm: (value) => ({ candidates: Number(value) }),
    },
    ...Object.fromEntries(
      heads.map(({ name, weight }): [string, Choice] => [
        `weight-${name}`,
        {
          title: `Weight of ${words(name)} in the score`,
          about: `In B; now ${weight}`,
          initial: String(weight === 0 ? 1 : 2 * weight),
          arm: (value) => ({ headWeights: { [name]: Number(value) } }),
        },
      ]),
    ),
    ...(others.length > 0 && {
      bundle: {
        title: "Another bundle",
        about: "The bundle of B; A keeps the one in service now",
        initial: others[0]!.bundle,
        choices: others.map(({ bundle, state, rung }) => ({
          value: bundle,
          title: `${bundle.slice(0, 8)}, ${words(rung ?? "no ranker")}, ${words(state)}`,
        })),
        arm: (bundle: string) => ({ bundle }),
      },
    }),
  };
}
