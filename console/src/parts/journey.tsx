/** How a slate was made: the stages that a request goes through, what each let through, and what it took of the budget. */
import type { Recommendation, StageTrace } from "../api.ts";
import { count, ms, plural, words } from "../format.ts";
import { hrefOf, Link } from "../router.tsx";
import { Icon } from "./icon.tsx";

/** What a stage does, in a few words; `{in}` and `{out}` are counts. */
export const STAGES: Readonly<Record<StageTrace["stage"], { about: string; unit: string }>> = {
  state: { about: "reads what the user touched", unit: "touches" },
  encode: { about: "runs the user's history through a network", unit: "encoded" },
  turn: { about: "waits until nothing else computes", unit: "request" },
  filter: { about: "takes out what must not be shown", unit: "allowed" },
  retrieve: { about: "asks every source for candidates", unit: "found" },
  blend: { about: "fuses the sources' ranks", unit: "candidates" },
  features: { about: "computes what the ranker reads", unit: "rows" },
  rank: { about: "scores each candidate", unit: "scored" },
  policy: { about: "fills the slots", unit: "shown" },
};

/** What ranking did, by the rung that answered; on the others it did nothing. */
const RANKED: Partial<Record<Recommendation["rung"], string>> = {
  full: "A network that knows the state above scores each candidate: slow, and exact at the top.",
  "cheaper-ranker": "There was little time: a smaller network scored each candidate.",
  "fewer-candidates": "There was little time: a network scored only the first of them.",
};

/** The two stages in two sentences, above the slate: for who sees such a system for the first time. */
export function TwoStages({ slate: { trace, items, rung, reasons } }: { readonly slate: Recommendation }) {
  const stages = new Map(trace.stages.map((stage) => [stage.stage, stage]));
  const allowed = stages.get("filter")?.out ?? 0;
  const candidates = stages.get("blend")?.out ?? 0;
  const took = (...names: StageTrace["stage"][]) =>
    ms(names.reduce((sum, name) => sum + (stages.get(name)?.ms ?? 0), 0));
  return (
    <section class="two-stages" aria-labelledby="two-stages-title">
      <h2 id="two-stages-title">
        From {count(allowed)} videos to {items.length} in {ms(trace.ms)}
        <small>
          in two stages; <a href="#journey">every step</a> stands below the videos
        </small>
      </h2>
      <ol>
        <li>
          <b>Retrieval</b>
          <span class="narrowing">
            {count(allowed)} <Icon name="right" /> {count(candidates)}
          </span>
          <span class="time">{took("encode", "turn", "filter", "retrieve", "blend")}</span>
          <small>
            {plural(trace.sources.length, "source")} {trace.sources.length === 1 ? "looks" : "look"} through
            everything for what may fit: fast, and nothing good must be missed.
          </small>
        </li>
        <li class={rung === "full" ? undefined : "late"}>
          <b>Ranking</b>
          <span class="narrowing">
            {count(candidates)} <Icon name="right" /> {items.length}
          </span>
          <span class="time">{took("features", "rank", "policy")}</span>
          <small>
            {RANKED[rung] ??
              `Left out this time (${reasons.map(words).join(", ")}): the order is that of retrieval.`}
          </small>
        </li>
      </ol>
    </section>
  );
}

export function Journey({ slate }: { readonly slate: Recommendation }) {
  const { trace, rung, reasons, bundle, offset, arms } = slate;
  const { stages, budgetMs } = trace;
  const scale = Math.max(budgetMs, trace.ms);
  return (
    <section class="journey" id="journey" aria-labelledby="journey-title">
      <h2 id="journey-title">
        How this slate was made
        <small>
          {ms(trace.ms)} of a budget of {ms(budgetMs)}
        </small>
      </h2>
      <div class="budget" role="img" aria-label={`${ms(trace.ms)} of ${ms(budgetMs)} used`}>
        {stages.map(({ stage, ms: own }, i) => (
          <i
            key={stage}
            class={`tone-${i % 4}`}
            style={{ width: `${(100 * own) / scale}%` }}
            title={`${stage} ${ms(own)}`}
          />
        ))}
      </div>
      <ol class="stages">
        {stages.map(({ stage, ms: own, out, fallback }) => (
          <li key={stage} class={fallback === undefined ? undefined : "late"}>
            <b>{stage}</b>
            <span class="time">{ms(own)}</span>
            <span class="out">
              <strong>{count(out)}</strong> {STAGES[stage].unit}
            </span>
            <small>{fallback === undefined ? STAGES[stage].about : words(fallback)}</small>
          </li>
        ))}
      </ol>
      <dl class="facts">
        <div>
          <dt>Rung</dt>
          <dd class={rung === "full" ? "good" : "warn"}>{words(rung)}</dd>
        </div>
        {reasons.length > 0 && (
          <div>
            <dt>Because</dt>
            <dd>{reasons.map(words).join(", ")}</dd>
          </div>
        )}
        <div>
          <dt>Bundle</dt>
          <dd>{bundle === null ? "none: nothing is trained" : <code>{bundle.slice(0, 8)}</code>}</dd>
        </div>
        {arms.map(({ experiment, arm }) => (
          <div key={experiment}>
            <dt>Experiment</dt>
            <dd>
              <Link to={hrefOf("experiments", { user: slate.user, experiment })}>{experiment}</Link>: arm{" "}
              {arm}
            </dd>
          </div>
        ))}
        <div>
          <dt>Reflects</dt>
          <dd>every event before {count(offset)}</dd>
        </div>
      </dl>
    </section>
  );
}
