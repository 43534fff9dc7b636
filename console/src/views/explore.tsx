/** What is there: items and what became of them, users now and in the past, and how the slots are shared. */
import { useState } from "preact/hooks";
import { api, type Exposure, type ItemOverview } from "../api.ts";
import { Cover } from "../cover.tsx";
import { ago, count, length, moment, percent, plural, short } from "../format.ts";
import { FeatureDrift } from "../parts/feature-drift.tsx";
import { ItemSearch } from "../parts/item-search.tsx";
import { ItemFinders, Segments } from "../parts/segments.tsx";
import { Category } from "../parts/slate.tsx";
import { kindOf, useFacts } from "../parts/state-strip.tsx";
import { Failure, Note, Waiting } from "../parts/states.tsx";
import { TableHead } from "../parts/table-head.tsx";
import { UserPicker } from "../parts/user-picker.tsx";
import { go, hrefOf, Link, type Place } from "../router.tsx";
import { useLoad } from "../use-load.ts";
import { useAnyUser } from "../use-user.ts";

const LOOKS = {
  items: "Items",
  users: "Users",
  segments: "Segments",
  exposure: "Exposure",
  features: "Features",
} as const;
type Look = keyof typeof LOOKS;

export function ExploreView({ query }: { readonly query: Place["query"] }) {
  const look = Object.hasOwn(LOOKS, query["look"] ?? "") ? (query["look"] as Look) : "items";
  return (
    <div class="why">
      <h1>Explore</h1>
      <nav class="tabs" aria-label="What to look at">
        {Object.entries(LOOKS).map(([name, title]) => (
          <Link
            key={name}
            to={hrefOf("explore", { user: query["user"], look: name })}
            aria-current={name === look ? "true" : undefined}
          >
            {title}
          </Link>
        ))}
      </nav>
      {look === "items" && <Items query={query} />}
      {look === "users" && <User query={query} />}
      {look === "segments" && <Segments />}
      {look === "features" && <FeatureDrift />}
      {look === "exposure" && <WhatIsShown />}
    </div>
  );
}

function Items({ query }: { readonly query: Place["query"] }) {
  const chosen = query["item"];
  const show = ({ item }: ItemOverview) =>
    go(hrefOf("explore", { user: query["user"], look: "items", item }));
  return (
    <div class="split">
      <ItemSearch label="Search videos" onPick={show} />
      {chosen === undefined ? (
        <div class="why-item">
          <h2>Choose a video</h2>
          <p class="soft">
            By words of its title, creator or category, or by its id. Without words, the trending ones stand
            there.
          </p>
        </div>
      ) : (
        <Item key={chosen} id={chosen} query={query} />
      )}
    </div>
  );
}

function Item({ id, query }: { readonly id: string; readonly query: Place["query"] }) {
  const { value, error, reload } = useLoad(async () => {
    const [{ items }, similar] = await Promise.all([api.items({ ids: [id] }), api.similar(id, 8)]);
    return { item: items[0], similar };
  }, [id]);
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  if (value === undefined) return <Waiting what="Reading the item" />;
  const { item, similar } = value;
  if (item === undefined) return <Note title="No such video">The catalogue has no item with this id.</Note>;
  const { facts, bornAt, engagements, vetoes, shown, answered, watched } = item;
  const category = facts?.categories?.[0];
  return (
    <article class="why-item">
      <header>
        <Cover id={id} category={category} />
        <div>
          <h2>{facts?.title ?? id}</h2>
          <p class="soft">
            {facts?.creator} {category !== undefined && <Category name={category} />}{" "}
            {facts?.duration !== undefined && length(facts.duration)} <code>{id}</code>
          </p>
          {!item.live && <p class="warn">It is not recommended: removed, or without facts.</p>}
        </div>
      </header>
      <dl class="numbers">
        <Figure name="Published" value={bornAt === null ? "unknown" : ago(bornAt)} />
        <Figure name="Shown" value={count(shown)} about="slots of slates" />
        <Figure
          name="Answered"
          value={shown === 0 ? "–" : percent(answered / shown, 1)}
          about={`${count(answered)} slots`}
        />
        <Figure name="Watched" value={watched === null ? "–" : percent(watched)} about="on average" />
        <Figure name="Engagements" value={count(engagements)} />
        <Figure name="Vetoes" value={count(vetoes)} />
      </dl>
      <ItemFinders item={id} />
      <section>
        <h3>Similar videos</h3>
        <ol class="rows">
          {similar.items.map(({ item: other, score, facts: own }) => (
            <li key={other}>
              <Link to={hrefOf("explore", { user: query["user"], look: "items", item: other })} class="row">
                <Cover id={other} category={own?.categories?.[0]} />
                <span class="row-text">
                  <b>{own?.title ?? other}</b>
                  <small>{own?.creator}</small>
                </span>
                <span class="number">{score.toFixed(3)}</span>
              </Link>
            </li>
          ))}
          {similar.items.length === 0 && <li class="soft">Nothing goes with it yet.</li>}
        </ol>
      </section>
    </article>
  );
}

function Figure({
  name,
  value,
  about,
}: {
  readonly name: string;
  readonly value: string;
  readonly about?: string;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value} {about !== undefined && <small>{about}</small>}
      </dd>
    </div>
  );
}

const DAY_MS = 86_400_000;
const PASTS = [
  ["now", 0],
  ["an hour ago", DAY_MS / 24],
  ["a day ago", DAY_MS],
  ["a week ago", 7 * DAY_MS],
] as const;

function User({ query }: { readonly query: Place["query"] }) {
  const user = useAnyUser("explore", query);
  const [past, setPast] = useState(0);
  if (user === undefined) return <Waiting what="Looking for a user" />;
  return (
    <>
      <div class="feed-head">
        <UserPicker user={user} onPick={(next) => go(hrefOf("explore", { user: next, look: "users" }))} />
        <fieldset class="choice" aria-label="State as of">
          {PASTS.map(([name, age]) => (
            <button key={name} type="button" aria-pressed={past === age} onClick={() => setPast(age)}>
              {name}
            </button>
          ))}
        </fieldset>
      </div>
      <StateTable key={`${user} ${past}`} user={user} past={past} />
    </>
  );
}

function StateTable({ user, past }: { readonly user: string; readonly past: number }) {
  const ask = () => (past === 0 ? api.state(user) : api.stateAt(user, Date.now() - past));
  const { value, error, reload } = useLoad(ask, [user, past]);
  const touches = [...(value?.touches ?? []), ...(value?.vetoes ?? [])]
    .toSorted((a, b) => b.time - a.time)
    .slice(0, 60);
  const facts = useFacts(touches.map(({ item }) => item));
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  if (value === undefined)
    return <Waiting what={past === 0 ? "Reading the state" : "Reading the log up to then"} />;
  if (touches.length === 0) {
    return (
      <Note title="The state is empty">No event of this user was known {past === 0 ? "yet" : "then"}.</Note>
    );
  }
  return (
    <section aria-labelledby="touches-title">
      <h2 id="touches-title">
        {plural(value.touches.length, "touch", "touches")} and {plural(value.vetoes.length, "veto", "vetoes")}
        <small>{touches.length < value.touches.length && `the newest ${touches.length}`}</small>
      </h2>
      <ol class="rows state-rows">
        {touches.map((touch) => {
          const own = facts.get(touch.item);
          return (
            <li key={touch.id}>
              <Link to={hrefOf("explore", { user, look: "items", item: touch.item })} class="row">
                <Cover id={touch.item} category={own?.categories?.[0]} />
                <span class="row-text">
                  <b>{own?.title ?? touch.item}</b>
                  <small>
                    {kindOf(touch)}, {moment(touch.time)}
                  </small>
                </span>
              </Link>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function WhatIsShown() {
  const { value, error, reload } = useLoad(api.exposure, []);
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  if (value === undefined) return <Waiting what="Counting" />;
  if (value.slots === 0)
    return <Note title="Nothing was shown yet">Slates that are asked for are counted here.</Note>;
  return (
    <div class="panel evidence">
      <Lorenz exposure={value} />
      <div>
        <dl class="numbers">
          <Figure
            name="Coverage"
            value={percent(value.shown / Math.max(1, value.live), 1)}
            about={`${short(value.shown)} of ${short(value.live)} videos were ever shown`}
          />
          <Figure name="Gini" value={value.gini.toFixed(2)} about="0 is equal, 1 is one video for all" />
          <Figure name="Slots" value={short(value.slots)} about="of all slates in the log" />
        </dl>
        <h2>By age</h2>
        <table class="figures">
          <TableHead titles={["Age", "Videos", "Shown", "Slots each"]} />
          <tbody>
            {value.ages.map(({ days, items, shown, slots }, i) => (
              <tr key={days}>
                <th scope="row">{ageText(value.ages[i - 1]?.days ?? null, days)}</th>
                <td>{count(items)}</td>
                <td>{items === 0 ? "–" : percent(shown / items)}</td>
                <td>{items === 0 ? "–" : count(slots / items)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function ageText(from: number | null, to: number | null): string {
  if (to === null) return `older than ${from ?? 0} days`;
  return from === null ? "up to a day" : `${from} to ${to} days`;
}

function Lorenz({ exposure: { lorenz } }: { readonly exposure: Exposure }) {
  const size = 320;
  const at = (value: number, i: number) => `${(i / (lorenz.length - 1)) * size} ${size - value * size}`;
  return (
    <figure class="lorenz">
      <svg
        viewBox={`-24 -4 ${size + 28} ${size + 28}`}
        role="img"
        aria-label="Share of the slots by share of the videos"
      >
        <path class="grid" d={`M0 ${size}L${size} 0M0 0V${size}H${size}`} />
        <path class="area" d={`M${lorenz.map(at).join("L")}L${size} ${size}L0 ${size}Z`} />
        <path class="curve" d={`M${lorenz.map(at).join("L")}`} />
        <text class="axis" x={size} y={size + 18} text-anchor="end">
          share of the videos, least shown first
        </text>
        <text class="axis" transform="translate(-9 0) rotate(-90)" text-anchor="end">
          share of the slots
        </text>
      </svg>
      <figcaption class="soft">
        The least shown half of the videos has {percent(lorenz[Math.floor(lorenz.length / 2)] ?? 0)} of the
        slots; the straight line would be equal shares.
      </figcaption>
    </figure>
  );
}
