/** Where the reader is: the address has it all, so that every view can be linked to, kept and loaded again. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

const VIEWS = ["feed", "why", "system", "tradeoffs", "training", "experiments", "explore"] as const;
export type View = (typeof VIEWS)[number];

export interface Place {
  readonly view: View;
  readonly query: Readonly<Record<string, string>>;
}

const BASE = "/console/";
const listeners = new Set<() => void>();

function placeOf(location: { readonly pathname: string; readonly search: string }): Place {
  const [name = ""] = location.pathname.replace(BASE, "").split("/");
  const view = VIEWS.find((known) => known === name) ?? "feed";
  return { view, query: Object.fromEntries(new URLSearchParams(location.search)) };
}

export function hrefOf(view: View, query: Readonly<Record<string, string | undefined>> = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) parameters.set(name, value);
  return `${BASE}${view}${parameters.size === 0 ? "" : `?${parameters}`}`;
}

/** @param replace whether going back should pass over where the reader was */
export function go(href: string, replace = false): void {
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  for (const listener of listeners) listener();
}

export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location));
  useEffect(() => {
    const update = () => setPlace(placeOf(location));
    listeners.add(update);
    addEventListener("popstate", update);
    return () => {
      listeners.delete(update);
      removeEventListener("popstate", update);
    };
  }, []);
  return place;
}

interface LinkProps {
  readonly to: string;
  readonly children: ComponentChildren;
  readonly class?: string;
  /** Its name in the diagram. */
  readonly box?: string;
  readonly "aria-label"?: string;
  readonly "aria-current"?: "page" | "true" | undefined;
}

export function Link({ to, children, box, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a {...rest} data-box={box} href={to} onClick={follow}>
      {children}
    </a>
  );
}
