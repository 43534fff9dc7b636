/** The reasons of one item: what its score is made of, who found it, what sets it apart, and what the rules did. */
import type { Recommendation, RecommendedItem, Why } from "../api.ts";
import { Cover } from "../cover.tsx";
import { count, decimal, length, percent, words } from "../format.ts";
import { standingOut } from "../standing-out.ts";
import { Category } from "./slate.tsx";
import { TableHead } from "./table-head.tsx";

const FEATURES = 12;

export function WhyItem({ item, slate }: { readonly item: RecommendedItem; readonly slate: Recommendation }) {
  const { facts, why, position } = item;
  if (why === undefined) return null;
  const others = slate.items.flatMap((each) => each.why ?? []);
  const category = facts?.categories?.[0];
  return (
    <article class="why-item" aria-live="polite">
      <header>
        <Cover id={item.item} category={category} />
        <div>
          <h2>{facts?.title ?? item.item}</h2>
          <p class="soft">
            {facts?.creator} {category !== undefined && <Category name={category} />}{" "}
            {facts?.duration !== undefined && length(facts.duration)} <code>{item.item}</code>
          </p>
          <p>{sentence(item, why, slate)}</p>
        </div>
      </header>
      <Score why={why} score={item.score} rung={slate.rung} />
      <Sources why={why} slate={slate} />
      <Features own={why} all={others} />
      <section>
        <h3>Rules</h3>
        <p>{ruleText(why.rankBeforePolicy, position)}</p>
      </section>
    </article>
  );
}

function sentence({ position }: RecommendedItem, why: Why, { rung }: Recommendation): string {
  const best = why.sources.toSorted((a, b) => a.rank - b.rank)[0];
  const found =
    best === undefined
      ? "No source named it"
      : `${why.sources.length} of the sources found it, ${best.name} highest (at ${best.rank + 1})`;
  const then = rung === "full" || rung.includes("fewer") ? "the ranker put it" : "it stayed";
  return `${found}; ${then} at ${why.rankBeforePolicy + 1}, and it is shown at ${position + 1}.`;
}

function ruleText(before: number, position: number): string {
  if (before === position) return "Neither the creators' cap nor diversity moved it.";
  return before > position
    ? `It ranked ${before + 1} and is shown at ${position + 1}: items before it gave way to the creators' cap or to diversity.`
    : `It ranked ${before + 1} and is shown at ${position + 1}: diversity, the creators' cap or exploration put others before it.`;
}

function Score({ why, score, rung }: { readonly why: Why; readonly score: number; readonly rung: string }) {
  if (why.heads.length === 0) {
    return (
      <section>
        <h3>Score</h3>
        <p class="warn">
          This answer was not ranked (rung {words(rung)}): the score {decimal(score, 3)} is that of the blend
          of the sources' ranks.
        </p>
      </section>
    );
  }
  const parts = why.heads.map(({ name, value, weight }) => ({
    name,
    value: value ?? 0,
    weight: weight ?? 0,
    part: (value ?? 0) * (weight ?? 0),
  }));
  const whole = parts.reduce((sum, { part }) => sum + Math.max(0, part), 0);
  return (
    <section>
      <h3>
        Score <strong>{decimal(score, 3)}</strong>
      </h3>
      <div class="budget" aria-hidden="true">
        {parts.map(({ name, part }, i) => (
          <i key={name} class={`tone-${i % 4}`} style={{ width: `${(100 * Math.max(0, part)) / whole}%` }} />
        ))}
      </div>
      <table class="figures">
        <TableHead titles={["Head", "Probability", "Weight", "Part"]} />
        <tbody>
          {parts.map(({ name, value, weight, part }, i) => (
            <tr key={name}>
              <th scope="row">
                <i class={`swatch tone-${i % 4}`} aria-hidden="true" />
                {words(name)}
              </th>
              <td>{percent(value, 1)}</td>
              <td>{decimal(weight)}</td>
              <td>{decimal(part, 3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Ranks on a line of powers of ten: the first places are far apart, the last ones close together. */
function Sources({ why, slate }: { readonly why: Why; readonly slate: Recommendation }) {
  const found = new Map(why.sources.map((source) => [source.name, source]));
  return (
    <section>
      <h3>Sources</h3>
      <ul class="sources">
        {slate.trace.sources.map(({ name, found: candidates }) => {
          const own = found.get(name);
          const place = own === undefined ? 1 : Math.log10(own.rank + 1) / 3;
          return (
            <li key={name} class={own === undefined ? "not-found" : undefined}>
              <span>{name}</span>
              <span class="rail" aria-hidden="true">
                {own !== undefined && <i style={{ left: `${100 * Math.min(1, place)}%` }} />}
              </span>
              <span class="number">
                {own === undefined ? "–" : `${count(own.rank + 1)} of ${count(candidates)}`}
              </span>
            </li>
          );
        })}
      </ul>
      <div class="scale" aria-hidden="true">
        <p>
          {[1, 10, 100, 1000].map((rank, i) => (
            <span key={rank} style={{ left: `${(100 * i) / 3}%` }}>
              {count(rank)}
            </span>
          ))}
        </p>
      </div>
    </section>
  );
}

function Features({ own, all }: { readonly own: Why; readonly all: readonly Why[] }) {
  const apart = standingOut(own, all, FEATURES);
  if (apart.length === 0) return null;
  const most = Math.abs(apart[0]!.deviations);
  return (
    <section>
      <h3>
        What sets it apart <small>from the other videos of this slate, in standard deviations</small>
      </h3>
      <ul class="apart">
        {apart.map(({ name, value, mean, deviations }) => (
          <li key={name} title={`here ${decimal(value)}, on average ${decimal(mean)}`}>
            <span>{featureName(name)}</span>
            <span class="both" aria-hidden="true">
              <i
                class={deviations < 0 ? "less" : "more"}
                style={{ width: `${(50 * Math.abs(deviations)) / most}%` }}
              />
            </span>
            <span class="number">
              {deviations > 0 ? "+" : "−"}
              {Math.abs(deviations).toFixed(1)} σ
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** `taste.category.long-watch` as "taste · category long watch". */
function featureName(name: string) {
  const [group = "", ...rest] = name.split(".");
  return (
    <>
      <em>{group}</em> {words(rest.join(" "))}
    </>
  );
}
