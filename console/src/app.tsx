/** The frame around every view: where one is, where one can go, and whether the system answers. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useErrorBoundary, useRef } from "preact/hooks";
import { useLive } from "./live.ts";
import { Icon } from "./parts/icon.tsx";
import { Failure } from "./parts/states.tsx";
import { hrefOf, Link, type Place, usePlace, type View } from "./router.tsx";
import { ThemeSwitch } from "./theme.tsx";
import { ExperimentsView } from "./views/experiments.tsx";
import { ExploreView } from "./views/explore.tsx";
import { FeedView } from "./views/feed.tsx";
import { SystemView } from "./views/system.tsx";
import { TradeoffsView } from "./views/tradeoffs.tsx";
import { TrainingView } from "./views/training.tsx";
import { WhyView } from "./views/why.tsx";

const TITLES: Readonly<Record<View, string>> = {
  feed: "Feed",
  why: "Why",
  system: "System",
  tradeoffs: "Trade-offs",
  training: "Training",
  experiments: "Experiments",
  explore: "Explore",
};
const SHOWN = Object.keys(TITLES) as View[];

export function App() {
  const place = usePlace();
  const title = TITLES[place.view];
  const Shown = VIEWS[place.view];
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${title} · upnext`;
    if (!first.current) {
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [place.view]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="bar">
        <Link to={hrefOf("feed", keep(place))} class="brand" aria-label="upnext, to the feed">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M8 10h8M8 16h16M8 22h12" />
            <path d="M20 6.5l6 3.5-6 3.5z" class="tip" />
          </svg>
          upnext
        </Link>
        <nav class="views" aria-label="Views">
          {SHOWN.map((view) => (
            <Link
              key={view}
              to={hrefOf(view, keep(place))}
              aria-current={view === place.view ? "page" : undefined}
            >
              <Icon name={view} />
              <span>{TITLES[view]}</span>
            </Link>
          ))}
        </nav>
        <Pulse />
        <ThemeSwitch />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Guarded key={place.view}>
          <Shown query={place.query} />
        </Guarded>
      </main>
    </>
  );
}

/** A view that cannot show what came says so, and the frame around it stays. */
function Guarded({ children }: { readonly children: ComponentChildren }) {
  const [error, again] = useErrorBoundary();
  return error === undefined ? children : <Failure error={error as Error} retry={again} />;
}

/** The user goes with the reader from view to view. */
function keep({ query }: Place): Record<string, string> {
  return query["user"] === undefined ? {} : { user: query["user"] };
}

const VIEWS: Readonly<Record<View, (props: { readonly query: Place["query"] }) => JSX.Element>> = {
  feed: FeedView,
  why: WhyView,
  system: SystemView,
  tradeoffs: TradeoffsView,
  training: TrainingView,
  experiments: ExperimentsView,
  explore: ExploreView,
};

/** Whether the server answers, and how much it does. */
function Pulse() {
  const { connection, samples } = useLive();
  const newest = samples.at(-1);
  const text =
    connection === "lost"
      ? "no connection"
      : newest === undefined
        ? "connecting"
        : `${newest.perSecond.recommendations.toFixed(0)} answers/s`;
  return (
    <span class={`pulse ${connection}`} title="Answers that the server gives a second">
      <i aria-hidden="true" />
      {text}
    </span>
  );
}
