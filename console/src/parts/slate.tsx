/** A slate as cards. A card that moved glides to its place and says from where it came. */
import type { Recommendation, RecommendedItem, Touch } from "../api.ts";
import { Cover, hueOf } from "../cover.tsx";
import { length } from "../format.ts";
import { hrefOf, Link } from "../router.tsx";
import { useFlip } from "../use-flip.ts";
import { Icon } from "./icon.tsx";

interface SlateProps {
  readonly slate: Recommendation;
  readonly user: string;
  /** Positions in the slate before; null where there was none. */
  readonly before: ReadonlyMap<string, number> | null;
  /** The item that is being touched. */
  readonly busy: string | undefined;
  readonly onTouch: (item: string, type: Touch["type"], title: string) => void;
}

export function Slate({ slate, user, before, busy, onTouch }: SlateProps) {
  const list = useFlip<HTMLOListElement>(slate.items.map(({ item }) => item).join());
  return (
    <ol class="slate" ref={list} aria-label="Recommended videos" aria-busy={busy !== undefined}>
      {slate.items.map((item) => (
        <li key={item.item} data-flip={item.item} class={busy === item.item ? "card busy" : "card"}>
          <Card
            item={item}
            user={user}
            was={before === null ? null : (before.get(item.item) ?? -1)}
            onTouch={onTouch}
          />
        </li>
      ))}
    </ol>
  );
}

interface CardProps {
  readonly item: RecommendedItem;
  readonly user: string;
  /** Position before, -1 where it was not in the slate, null where there was no slate. */
  readonly was: number | null;
  readonly onTouch: SlateProps["onTouch"];
}

function Card({ item: { item, position, facts }, user, was, onTouch }: CardProps) {
  const title = facts?.title ?? item;
  const [category] = facts?.categories ?? [];
  return (
    <>
      <button type="button" class="watch" onClick={() => onTouch(item, "watch", title)}>
        <Cover id={item} category={category} />
        <span class="play">
          <Icon name="play" />
        </span>
        <span class="visually-hidden">Watch “{title}”</span>
        {facts?.duration !== undefined && <span class="length">{length(facts.duration)}</span>}
      </button>
      <Move was={was} position={position} />
      <div class="card-text">
        <h2 title={title}>{title}</h2>
        <p>
          {facts?.creator !== undefined && <span class="creator">{facts.creator}</span>}
          {category !== undefined && <Category name={category} />}
        </p>
      </div>
      <div class="card-actions">
        <button type="button" onClick={() => onTouch(item, "like", title)} aria-label={`Like “${title}”`}>
          <Icon name="like" />
          Like
        </button>
        <button
          type="button"
          onClick={() => onTouch(item, "dislike", title)}
          aria-label={`Dismiss “${title}”`}
        >
          <Icon name="dismiss" />
          Dismiss
        </button>
        <Link to={hrefOf("why", { user, item })} aria-label={`Why “${title}”`}>
          Why
        </Link>
      </div>
    </>
  );
}

export function Category({ name }: { readonly name: string }) {
  return (
    <span class="category" style={{ "--hue": String(hueOf(name)) }}>
      {name}
    </span>
  );
}

/** Where it stands, and whether that is higher or lower than before. */
function Move({ was, position }: { readonly was: number | null; readonly position: number }) {
  const place = <b>{position + 1}</b>;
  if (was === null || was === position) return <span class="move">{place}</span>;
  if (was < 0) return <span class="move fresh">{place} new</span>;
  const up = was > position;
  return (
    <span class={up ? "move rose" : "move fell"}>
      {place} <Icon name={up ? "up" : "down"} />
      {Math.abs(was - position)}
      <span class="visually-hidden">{up ? " places up" : " places down"}</span>
    </span>
  );
}
