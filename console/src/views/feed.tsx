/** A user's slate. What is watched, liked or dismissed is in the state when the next slate comes, at once. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Recommendation, type Touch, type UserState } from "../api.ts";
import { ms, plural } from "../format.ts";
import { Journey, TwoStages } from "../parts/journey.tsx";
import { Slate } from "../parts/slate.tsx";
import { StateStrip } from "../parts/state-strip.tsx";
import { Failure, Note, Waiting } from "../parts/states.tsx";
import { UserPicker } from "../parts/user-picker.tsx";
import { go, hrefOf, type Place } from "../router.tsx";
import { useAnyUser } from "../use-user.ts";

const SLOTS = 12;
const SURFACE = "console";

interface Shown {
  readonly slate: Recommendation;
  readonly state: UserState;
  /** Position of each item in the slate before; null for the first slate of a user. */
  readonly before: ReadonlyMap<string, number> | null;
}

export function FeedView({ query }: { readonly query: Place["query"] }) {
  const user = useAnyUser("feed", query);
  if (user === undefined) return <Waiting what="Looking for a user" />;
  return <FeedOf key={user} user={user} />;
}

function FeedOf({ user }: { readonly user: string }) {
  const [shown, setShown] = useState<Shown>();
  const [error, setError] = useState<Error>();
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState<string>();

  async function load(after?: number): Promise<void> {
    try {
      const [slate, state] = await Promise.all([
        api.recommend({ user, limit: SLOTS, surface: SURFACE, ...(after !== undefined && { after }) }),
        api.state(user),
      ]);
      setShown((old) => ({ slate, state, before: old === undefined ? null : positionsOf(old.slate) }));
      setError(undefined);
    } catch (failure) {
      setError(failure as Error);
    }
  }
  useEffect(() => {
    void load();
  }, []);

  /** What is done while the slate before is on its way waits for it. */
  const last = useRef<Promise<void>>(Promise.resolve());
  function touch(item: string, type: Touch["type"], title: string): void {
    last.current = last.current.then(() => touchNow(item, type, title));
  }
  async function touchNow(item: string, type: Touch["type"], title: string): Promise<void> {
    setBusy(item);
    try {
      const value = type === "watch" ? { value: 0.95 } : {};
      const { offset } = await api.track({ user, item, type, ...value, request: shown!.slate.request });
      await load(offset);
      setSaid(`${DONE[type] ?? type} “${title}”.`);
    } catch (failure) {
      setError(failure as Error);
    } finally {
      setBusy(undefined);
    }
  }

  if (error !== undefined && shown === undefined) return <Failure error={error} retry={load} />;
  return (
    <div class="feed">
      <div class="feed-head">
        <h1>
          Up next for <b>{user}</b>
        </h1>
        <UserPicker user={user} onPick={(next) => go(hrefOf("feed", { user: next }))} />
      </div>
      {error !== undefined && <Failure error={error} retry={load} />}
      {shown === undefined ? (
        <Waiting what="Asking for a slate" />
      ) : (
        <>
          <StateStrip state={shown.state} />
          {shown.slate.items.length > 0 && <TwoStages slate={shown.slate} />}
          <output class="said" aria-live="polite">
            {said === "" ? introduction(shown.slate) : `${said} ${movesOf(shown)}`}
          </output>
          {shown.slate.items.length === 0 ? (
            <Empty slate={shown.slate} />
          ) : (
            <Slate slate={shown.slate} before={shown.before} busy={busy} onTouch={touch} user={user} />
          )}
          <Journey slate={shown.slate} />
        </>
      )}
    </div>
  );
}

const DONE: Partial<Record<Touch["type"], string>> = {
  watch: "Watched",
  like: "Liked",
  dislike: "Dismissed",
};

function positionsOf({ items }: Recommendation): ReadonlyMap<string, number> {
  return new Map(items.map(({ item, position }) => [item, position]));
}

function introduction({ personal, reasons }: Recommendation): string {
  if (reasons.includes("not_trained")) {
    return "Nothing is trained yet: these are the popular, trending and fresh videos.";
  }
  if (!personal && !reasons.includes("unknown_user") && !reasons.includes("no_history")) {
    return "The server had too little time for a personal slate: these are popular videos.";
  }
  if (!personal) return "Nothing is known of this user yet. Watch a video, and the next slate is theirs.";
  return "Watch, like or dismiss a video: the next slate knows of it.";
}

/** What is different from the slate before, in words. */
function movesOf({ slate, before }: Shown): string {
  const fresh = slate.items.filter(({ item }) => !before?.has(item)).length;
  const moved = slate.items.filter(({ item, position }) => {
    const was = before?.get(item);
    return was !== undefined && was !== position;
  }).length;
  return `The next slate came after ${ms(slate.trace.ms)}: ${plural(fresh, "video")} new, ${moved} moved.`;
}

function Empty({ slate }: { readonly slate: Recommendation }) {
  if (slate.reasons.includes("not_trained")) {
    return (
      <Note title="There are no videos yet" line="npx upnext import PATH">
        Send items and events over the API, import a data set, or run the demo with npm start.
      </Note>
    );
  }
  return <Note title="Nothing is left to show">Every video is filtered out for this user.</Note>;
}
