/** Another state, other weights: what the slate would be. Nothing is stored; the request says so, and a test holds it to it. */
import { useState } from "preact/hooks";
import { api, PATIENT_MS, type Recommendation, type RecommendedItem, type WhatIf } from "../api.ts";
import { Cover } from "../cover.tsx";
import { decimal, plural, words } from "../format.ts";
import { useFlip } from "../use-flip.ts";
import { useLoad } from "../use-load.ts";
import { Icon } from "./icon.tsx";
import { ItemSearch } from "./item-search.tsx";
import { useFacts } from "./state-strip.tsx";
import { Failure } from "./states.tsx";

const TOUCHES = 10;

export function WhatIfPanel({ slate }: { readonly slate: Recommendation }) {
  const [whatIf, setWhatIf] = useState<Required<WhatIf>>({ add: [], remove: [], headWeights: {} });
  const state = useLoad(() => api.state(slate.user), [slate.user]);
  const changed = JSON.stringify(whatIf);
  const ask = () =>
    api.recommend({
      ...{ user: slate.user, limit: slate.items.length, whatIf },
      ...{ budgetMs: PATIENT_MS, explain: true, log: false },
    });
  const { value: supposed, error, reload, loading } = useLoad(ask, [slate.user, changed]);
  const heads = slate.items[0]?.why?.heads ?? [];
  const touches = distinct([...(state.value?.touches ?? []), ...(state.value?.vetoes ?? [])]);
  const facts = useFacts([...touches.map(({ item }) => item), ...whatIf.add.map(({ item }) => item)]);
  const nameOf = (item: string) => facts.get(item)?.title ?? item;
  const nothing = whatIf.add.length + whatIf.remove.length + Object.keys(whatIf.headWeights).length === 0;

  return (
    <div class="split what-if">
      <form class="suppose" aria-label="What to suppose" onSubmit={(event) => event.preventDefault()}>
        <fieldset>
          <legend>The user had not touched</legend>
          <ul class="checks">
            {touches.map(({ item }) => (
              <li key={item}>
                <label>
                  <input
                    type="checkbox"
                    checked={whatIf.remove.includes(item)}
                    onChange={() => setWhatIf({ ...whatIf, remove: toggled(whatIf.remove, item) })}
                  />
                  <Cover id={item} category={facts.get(item)?.categories?.[0]} />
                  <span>{nameOf(item)}</span>
                </label>
              </li>
            ))}
            {touches.length === 0 && <li class="soft">The user's state is empty.</li>}
          </ul>
        </fieldset>
        <fieldset>
          <legend>The user had watched just now</legend>
          {whatIf.add.map(({ item }) => (
            <p class="added" key={item}>
              <Cover id={item} category={facts.get(item)?.categories?.[0]} />
              <span>{nameOf(item)}</span>
              <button
                type="button"
                class="icon-button"
                aria-label={`Without “${nameOf(item)}”`}
                onClick={() =>
                  setWhatIf({ ...whatIf, add: whatIf.add.filter((added) => added.item !== item) })
                }
              >
                <Icon name="dismiss" />
              </button>
            </p>
          ))}
          <ItemSearch
            label="Add a video"
            onPick={({ item }) =>
              setWhatIf({
                ...whatIf,
                add: [
                  ...whatIf.add.filter((added) => added.item !== item),
                  { item, type: "watch", value: 1 },
                ],
              })
            }
          />
        </fieldset>
        {heads.length > 0 && (
          <fieldset>
            <legend>The score weighed</legend>
            {heads.map(({ name, weight }) => {
              const own = whatIf.headWeights[name] ?? weight ?? 0;
              return (
                <label class="slider" key={name}>
                  <span>{words(name)}</span>
                  <input
                    type="range"
                    min="0"
                    max={Math.max(3, 2 * (weight ?? 0))}
                    step="0.1"
                    value={own}
                    onInput={(event) =>
                      setWhatIf({
                        ...whatIf,
                        headWeights: { ...whatIf.headWeights, [name]: Number(event.currentTarget.value) },
                      })
                    }
                  />
                  <output>{decimal(own, 1)}</output>
                </label>
              );
            })}
          </fieldset>
        )}
        <button
          type="button"
          class="button"
          disabled={nothing}
          onClick={() => setWhatIf({ add: [], remove: [], headWeights: {} })}
        >
          Suppose nothing
        </button>
      </form>
      {error !== undefined ? (
        <Failure error={error} retry={reload} />
      ) : (
        <section class="compared" aria-label="The slate, and what it would be" aria-busy={loading}>
          <output class="said">
            {nothing
              ? "Change something: the second column becomes what the slate would be. Nothing is stored."
              : supposed === undefined
                ? "Asking …"
                : differenceOf(slate, supposed)}
          </output>
          <div class="columns">
            <Column title="As it is" items={slate.items} other={supposed?.items ?? slate.items} />
            <Column title="What it would be" items={(supposed ?? slate).items} other={slate.items} marks />
          </div>
        </section>
      )}
    </div>
  );
}

interface ColumnProps {
  readonly title: string;
  readonly items: readonly RecommendedItem[];
  readonly other: readonly RecommendedItem[];
  /** Whether moves against the other column are shown. */
  readonly marks?: true;
}

function Column({ title, items, other, marks }: ColumnProps) {
  const list = useFlip<HTMLOListElement>(items.map(({ item }) => item).join());
  const places = new Map(other.map(({ item, position }) => [item, position]));
  return (
    <div>
      <h2>{title}</h2>
      <ol class="rows" ref={list}>
        {items.map(({ item, position, facts }) => {
          const was = places.get(item);
          return (
            <li key={item} data-flip={item} class={was === undefined ? "row apart" : "row"}>
              <span class="rank">{position + 1}</span>
              <Cover id={item} category={facts?.categories?.[0]} />
              <span class="row-text">
                <b>{facts?.title ?? item}</b>
              </span>
              {marks && <span class="number">{moveText(was, position)}</span>}
            </li>
          );
        })}
      </ol>
    </div>
  );
}

function moveText(was: number | undefined, position: number): string {
  if (was === undefined) return "new";
  if (was === position) return "";
  return was > position ? `▲ ${was - position}` : `▼ ${position - was}`;
}

function differenceOf(slate: Recommendation, supposed: Recommendation): string {
  const before = new Map(slate.items.map(({ item, position }) => [item, position]));
  const fresh = supposed.items.filter(({ item }) => !before.has(item)).length;
  const moved = supposed.items.filter(({ item, position }) => {
    const was = before.get(item);
    return was !== undefined && was !== position;
  }).length;
  if (fresh + moved === 0) return "The slate would be the same.";
  return `${plural(fresh, "video")} would be new, ${moved} would move. Nothing was stored.`;
}

function distinct<T extends { readonly item: string; readonly time: number }>(
  touches: readonly T[],
): readonly T[] {
  const newest = touches.toSorted((a, b) => b.time - a.time);
  return newest
    .filter(({ item }, i) => newest.findIndex((other) => other.item === item) === i)
    .slice(0, TOUCHES);
}

function toggled(list: readonly string[], item: string): readonly string[] {
  return list.includes(item) ? list.filter((each) => each !== item) : [...list, item];
}
