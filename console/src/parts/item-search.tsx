/** Finds an item by its id or by words of its title, creator or category. */
import { useEffect, useState } from "preact/hooks";
import { api, type ItemOverview } from "../api.ts";
import { Cover } from "../cover.tsx";

const FOUND = 8;
const PAUSE_MS = 180;

interface SearchProps {
  readonly label: string;
  readonly onPick: (item: ItemOverview) => void;
}

export function ItemSearch({ label, onPick }: SearchProps) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<readonly ItemOverview[]>([]);
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      const query = text.trim() === "" ? { order: "trending" } : { search: text.trim() };
      api.items({ ...query, limit: FOUND }).then(
        ({ items }) => current && setFound(items),
        () => current && setFound([]),
      );
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text]);
  return (
    <div class="search">
      <input
        type="search"
        placeholder={label}
        aria-label={label}
        value={text}
        maxLength={100}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <ul aria-label="Videos found">
        {found.map((item) => (
          <li key={item.item}>
            <button type="button" class="row" onClick={() => onPick(item)}>
              <Cover id={item.item} category={item.facts?.categories?.[0]} />
              <span class="row-text">
                <b>{item.facts?.title ?? item.item}</b>
                <small>
                  {item.facts?.creator} <code>{item.item}</code>
                </small>
              </span>
            </button>
          </li>
        ))}
        {found.length === 0 && <li class="soft">No video has this in its id, title, creator or category.</li>}
      </ul>
    </div>
  );
}
