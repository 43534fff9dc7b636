/** Why the slate is as it is: the reasons of each item, why another one is not there, and what would change it. */
import { api, PATIENT_MS, type Recommendation } from "../api.ts";
import { Cover } from "../cover.tsx";
import { decimal } from "../format.ts";
import { Failure, Note, Waiting } from "../parts/states.tsx";
import { UserPicker } from "../parts/user-picker.tsx";
import { WhatIfPanel } from "../parts/what-if.tsx";
import { WhyItem } from "../parts/why-item.tsx";
import { WhyNotPanel } from "../parts/why-not.tsx";
import { go, hrefOf, Link, type Place } from "../router.tsx";
import { useLoad } from "../use-load.ts";
import { useAnyUser } from "../use-user.ts";

const SLOTS = 20;
const QUESTIONS = { why: "Why this one", not: "Why not another", if: "What if" } as const;
type Question = keyof typeof QUESTIONS;

export function WhyView({ query }: { readonly query: Place["query"] }) {
  const user = useAnyUser("why", query);
  if (user === undefined) return <Waiting what="Looking for a user" />;
  return <WhyOf key={user} user={user} query={query} />;
}

function WhyOf({ user, query }: { readonly user: string; readonly query: Place["query"] }) {
  const ask = () => api.recommend({ user, limit: SLOTS, budgetMs: PATIENT_MS, explain: true, log: false });
  const { value: slate, error, reload } = useLoad(ask, [user]);
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  const question = Object.hasOwn(QUESTIONS, query["ask"] ?? "") ? (query["ask"] as Question) : "why";
  return (
    <div class="why">
      <div class="feed-head">
        <h1>
          Why <b>{user}</b> is shown this
        </h1>
        <UserPicker user={user} onPick={(next) => go(hrefOf("why", { user: next, ask: question }))} />
      </div>
      <nav class="tabs" aria-label="Questions">
        {Object.entries(QUESTIONS).map(([name, title]) => (
          <Link
            key={name}
            to={hrefOf("why", { user, item: query["item"], ask: name })}
            aria-current={name === question ? "true" : undefined}
          >
            {title}
          </Link>
        ))}
      </nav>
      {slate === undefined ? (
        <Waiting what="Asking for a slate and its reasons" />
      ) : slate.items.length === 0 ? (
        <Note title="There is nothing to explain">No video is shown to this user.</Note>
      ) : question === "why" ? (
        <WhyThis slate={slate} chosen={query["item"]} />
      ) : question === "not" ? (
        <WhyNotPanel slate={slate} asked={query["not"]} />
      ) : (
        <WhatIfPanel slate={slate} />
      )}
    </div>
  );
}

function WhyThis({ slate, chosen }: { readonly slate: Recommendation; readonly chosen: string | undefined }) {
  const item = slate.items.find((each) => each.item === chosen) ?? slate.items[0]!;
  const best = Math.max(...slate.items.map(({ score }) => score));
  return (
    <div class="split">
      <ol class="rows" aria-label="The slate">
        {slate.items.map((each) => (
          <li key={each.item}>
            <Link
              to={hrefOf("why", { user: slate.user, item: each.item })}
              class="row"
              aria-current={each === item ? "true" : undefined}
            >
              <span class="rank">{each.position + 1}</span>
              <Cover id={each.item} category={each.facts?.categories?.[0]} />
              <span class="row-text">
                <b>{each.facts?.title ?? each.item}</b>
                <span class="bar-line">
                  <i style={{ width: `${(100 * Math.max(0, each.score)) / best}%` }} />
                </span>
              </span>
              <span class="number">{decimal(each.score, 3)}</span>
            </Link>
          </li>
        ))}
      </ol>
      <WhyItem key={item.item} item={item} slate={slate} />
    </div>
  );
}
