/** The newest touches of a user: what the store holds, and what the next slate is computed from. */
import { useEffect, useState } from "preact/hooks";
import { api, type Facts, type Touch, type UserState } from "../api.ts";
import { Cover } from "../cover.tsx";
import { ago, count, percent } from "../format.ts";
import { useFlip } from "../use-flip.ts";

const SHOWN = 12;

/** Facts of items by id, asked once. */
const known = new Map<string, Facts | undefined>();

export function useFacts(ids: readonly string[]): ReadonlyMap<string, Facts | undefined> {
  const [, setAsked] = useState("");
  const missing = ids.filter((id) => !known.has(id));
  const wanted = missing.join();
  useEffect(() => {
    if (wanted === "") return;
    api.items({ ids: missing }).then(
      ({ items }) => {
        for (const id of missing) known.set(id, undefined);
        for (const { item, facts } of items) known.set(item, facts);
        setAsked(wanted);
      },
      // The ids stand there without titles.
      () => {},
    );
  }, [wanted]);
  return known;
}

export function StateStrip({ state }: { readonly state: UserState }) {
  const all = [...state.touches, ...state.vetoes].sort((a, b) => b.time - a.time);
  const newest = all.slice(0, SHOWN);
  const facts = useFacts(newest.map(({ item }) => item));
  const list = useFlip<HTMLOListElement>(newest.map(({ id }) => id).join());
  return (
    <section class="state" aria-labelledby="state-title">
      <h2 id="state-title">
        State in the store
        <small>
          {all.length === 0
            ? "empty: no event of this user is known"
            : `the newest ${newest.length} of ${count(all.length)} touches, newest first`}
        </small>
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <ol ref={list} tabIndex={0} aria-label="Newest touches">
        {newest.map((touch) => {
          const own = facts.get(touch.item);
          return (
            <li key={touch.id} data-flip={touch.id} title={`${own?.title ?? touch.item}, ${ago(touch.time)}`}>
              <Cover id={touch.item} category={own?.categories?.[0]} />
              <span class={`kind by-${touch.type}`}>{kindOf(touch)}</span>
              <span class="title">{own?.title ?? touch.item}</span>
            </li>
          );
        })}
        {newest.length === 0 && <li class="nothing">Watch something below: it appears here.</li>}
      </ol>
    </section>
  );
}

const KINDS: Partial<Record<Touch["type"], string>> = {
  view: "viewed",
  click: "clicked",
  like: "liked",
  dislike: "dismissed",
  hide: "hidden",
  block: "blocked",
  follow: "followed",
  share: "shared",
  save: "saved",
  comment: "commented",
  purchase: "bought",
};

export function kindOf({ type, value }: Touch): string {
  if (type === "watch") return value === null ? "watched" : `watched ${percent(value)}`;
  if (type === "rate") return value === null ? "rated" : `rated ${value}`;
  return KINDS[type] ?? type;
}
