/** Where an item was lost on its way into a slate. */
import { api, type Recommendation, type WhyNot } from "../api.ts";
import { Cover } from "../cover.tsx";
import { count } from "../format.ts";
import { go, hrefOf } from "../router.tsx";
import { useLoad } from "../use-load.ts";
import { ItemSearch } from "./item-search.tsx";
import { useFacts } from "./state-strip.tsx";
import { Failure, Waiting } from "./states.tsx";

/** The places at which an item can be lost, in the order of the way. */
const WAY: readonly { readonly stage: WhyNot["stage"]; readonly title: string; readonly about: string }[] = [
  { stage: "catalog", title: "Catalogue", about: "is known at all" },
  { stage: "filter", title: "Filters", about: "may be shown to this user" },
  { stage: "retrieval", title: "Retrieval", about: "some source finds it" },
  { stage: "ranking", title: "Ranking", about: "scores high enough" },
  { stage: "policy", title: "Policy", about: "the rules leave it a slot" },
  { stage: "shown", title: "Slate", about: "is shown" },
];

export function WhyNotPanel({
  slate,
  asked,
}: {
  readonly slate: Recommendation;
  readonly asked: string | undefined;
}) {
  return (
    <div class="split">
      <ItemSearch
        label="A video that is not there"
        onPick={({ item }) => go(hrefOf("why", { user: slate.user, ask: "not", not: item }))}
      />
      {asked === undefined ? (
        <div class="why-item">
          <h2>Choose a video</h2>
          <p class="soft">
            The answer says at which stage it was lost: {count(slate.trace.stages[2]?.in ?? 0)} videos enter,{" "}
            {slate.items.length} are shown.
          </p>
          <Way answer={undefined} />
        </div>
      ) : (
        <Answer key={asked} user={slate.user} item={asked} limit={slate.items.length} />
      )}
    </div>
  );
}

function Answer({
  user,
  item,
  limit,
}: {
  readonly user: string;
  readonly item: string;
  readonly limit: number;
}) {
  const ask = () => api.recommend({ user, limit, whyNot: [item], log: false });
  const { value, error, reload } = useLoad(ask, [user, item]);
  const facts = useFacts([item]).get(item);
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  const [answer] = value?.whyNot ?? [];
  if (answer === undefined) return <Waiting what="Asking" />;
  return (
    <article class="why-item" aria-live="polite">
      <header>
        <Cover id={item} category={facts?.categories?.[0]} />
        <div>
          <h2>{facts?.title ?? item}</h2>
          <p class="soft">
            {facts?.creator} <code>{item}</code>
          </p>
          <p class={answer.stage === "shown" ? "good" : "verdict"}>{answer.reason}</p>
        </div>
      </header>
      <Way answer={answer} />
    </article>
  );
}

function Way({ answer }: { readonly answer: WhyNot | undefined }) {
  const lost = WAY.findIndex(({ stage }) => stage === answer?.stage);
  return (
    <ol class="way">
      {WAY.map(({ stage, title, about }, i) => {
        const state =
          answer === undefined
            ? ""
            : i < lost || answer.stage === "shown"
              ? "passed"
              : i === lost
                ? "lost"
                : "";
        return (
          <li key={stage} class={state}>
            <b>{title}</b>
            <span>{state === "passed" ? "passed" : state === "lost" ? "lost here" : about}</span>
          </li>
        );
      })}
    </ol>
  );
}
