/** The running system as one diagram: how events become state, how a request becomes a slate, how a log becomes models. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { api, type Live, type Status } from "../api.ts";
import { ago, bytes, count, decimal, ms, percent, short, words } from "../format.ts";
import { useLive } from "../live.ts";
import { BoxDetails, type BoxName } from "../parts/box-details.tsx";
import { Connectors, type Edge } from "../parts/connectors.tsx";
import { STAGES } from "../parts/journey.tsx";
import { Failure, Waiting } from "../parts/states.tsx";
import { hrefOf, Link, type Place } from "../router.tsx";
import { useLoad } from "../use-load.ts";

const STATUS_EVERY_MS = 5_000;
type StageName = keyof typeof STAGES;
const STAGE_NAMES = Object.keys(STAGES) as StageName[];

export function SystemView({ query }: { readonly query: Place["query"] }) {
  const { samples, connection } = useLive();
  const { value: status, error, reload } = useLoad(api.status, []);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), STATUS_EVERY_MS);
    return () => clearInterval(timer);
  }, [reload]);
  if (status === undefined) {
    return error === undefined ? (
      <Waiting what="Looking at the system" />
    ) : (
      <Failure error={error} retry={reload} />
    );
  }
  const live = samples.at(-1);
  const chosen = (query["box"] ?? "answer") as BoxName;
  return (
    <div class="system">
      <div class="feed-head">
        <h1>The system at work</h1>
        <p class="soft">
          {connection === "lost"
            ? "The connection is lost: these are the last figures that came."
            : "Figures of this second; percentiles of the newest 1,000 answers. Choose a box for its history."}
        </p>
      </div>
      <Checks status={status} />
      <Diagram status={status} live={live} chosen={chosen} query={query} />
      <BoxDetails box={chosen} samples={samples} status={status} />
    </div>
  );
}

function Checks({ status }: { readonly status: Status }) {
  const wrong = status.checks.filter(({ level }) => level !== "ok");
  if (wrong.length === 0) return null;
  return (
    <ul class="checks-list">
      {wrong.map(({ name, level, message, cure }) => (
        <li key={name} class={level === "failure" ? "bad" : "warn"}>
          <b>{words(name)}</b> {message} {cure !== undefined && <code>{cure}</code>}
        </li>
      ))}
    </ul>
  );
}

interface DiagramProps {
  readonly status: Status;
  readonly live: Live | undefined;
  readonly chosen: BoxName;
  readonly query: Place["query"];
}

function Diagram({ status, live, chosen, query }: DiagramProps) {
  const area = useRef<HTMLDivElement>(null);
  const { settings, log, catalog, state, bundle } = status;
  const second = live?.perSecond;
  const stages = new Map(live?.newest.stages.map((stage) => [stage.stage, stage]));
  const box = (name: BoxName) => ({ name, chosen: name === chosen, query });
  return (
    <div class="diagram" ref={area}>
      <Connectors area={area} edges={edgesOf(live)} />
      <section class="lane data" aria-label="Data flow">
        <h2>Data flow</h2>
        <Box
          {...box("clients")}
          title="Clients"
          figure={`${decimal(second?.recommendations ?? 0, 1)}/s`}
          unit="slates asked for"
        >
          {decimal(second?.requests ?? 0, 1)} HTTP requests/s, {live?.queue.waiting ?? 0} waiting
        </Box>
        <Box {...box("log")} title="Event log" figure={`${decimal(second?.events ?? 0, 1)}/s`} unit="events">
          {short(log.end)} durable, {bytes(log.bytes)}
        </Box>
        <Box
          {...box("store")}
          title="User state"
          figure={`${decimal(second?.recommendations ?? 0, 1)}/s`}
          unit={`reads from ${state.store}`}
        >
          {state.behind === 0 ? "nothing behind the log" : `${count(state.behind)} events behind`}
        </Box>
        <Box {...box("catalog")} title="Catalogue" figure={short(catalog.live)} unit="items">
          {short(catalog.engagements)} engagements counted
        </Box>
      </section>

      <section class="lane serving" aria-label="Serving loop">
        <h2>Serving loop</h2>
        {STAGE_NAMES.map((name) => {
          const stage = stages.get(name);
          return (
            <Box
              key={name}
              {...box(name)}
              title={name}
              figure={stage === undefined ? "–" : short(Math.round(stage.out))}
              unit={STAGES[name].unit}
            >
              <Bullet p50={stage?.p50 ?? null} p99={stage?.p99 ?? null} budget={settings.budgetMs} />
              {name === "retrieve" && <SourceList live={live} />}
            </Box>
          );
        })}
        <Box
          {...box("answer")}
          title="Slate"
          figure={live?.newest.total.p50 === undefined ? "–" : ms(live.newest.total.p99)}
          unit={`P99 (limit ${ms(settings.budgetMs)})`}
        >
          <Bullet
            p50={live?.newest.total.p50 ?? null}
            p99={live?.newest.total.p99 ?? null}
            budget={settings.budgetMs}
          />
          <Rungs rungs={live?.rungs ?? {}} />
        </Box>
      </section>

      <section class="lane training" aria-label="Training pipeline">
        <h2>Training pipeline</h2>
        <Box
          {...box("history")}
          title="Training data"
          figure={bundle === null ? "–" : short(bundle.logOffset)}
          unit="events trained on"
        >
          {bundle === null ? "nothing trained" : `${short(log.end - bundle.logOffset)} newer ones since`}
        </Box>
        <Box
          {...box("fit")}
          title="Sources and ranker"
          figure={String(settings.sources.length)}
          unit="sources"
        >
          {settings.heads.length === 0
            ? "no ranker"
            : `${settings.heads.length} heads: ${settings.heads.map(({ name }) => words(name)).join(", ")}`}
        </Box>
        <Box
          {...box("gate")}
          title="Release gate"
          figure={bundle === null ? "–" : "passed"}
          unit="integrity, latency, quality"
        >
          refuses what is slower or worse
        </Box>
        <Box
          {...box("bundle")}
          title="Bundle in service"
          figure={bundle === null ? "none" : bundle.id.slice(0, 8)}
          unit={bundle === null ? "npx upnext train" : `trained ${ago(bundle.trainedAt)}`}
        >
          swapped in without a pause
        </Box>
      </section>
    </div>
  );
}

function edgesOf(live: Live | undefined): readonly Edge[] {
  const events = live?.perSecond.events ?? 0;
  const asked = live?.perSecond.recommendations ?? 0;
  const chain = STAGE_NAMES.slice(1).map(
    (to, i): Edge => ({ from: STAGE_NAMES[i]!, to, way: "right", rate: asked }),
  );
  return [
    { from: "clients", to: "log", way: "right", rate: events },
    { from: "log", to: "store", way: "right", rate: events },
    { from: "store", to: "catalog", way: "right", rate: events },
    { from: "clients", to: "state", way: "down", rate: asked },
    ...chain,
    { from: "policy", to: "answer", way: "right", rate: asked },
    { from: "history", to: "fit", way: "right", rate: 0 },
    { from: "fit", to: "gate", way: "right", rate: 0 },
    { from: "gate", to: "bundle", way: "right", rate: 0 },
    { from: "bundle", to: "retrieve", way: "up", rate: 0 },
    { from: "bundle", to: "rank", way: "up", rate: 0 },
  ];
}

interface BoxProps {
  readonly name: BoxName;
  readonly chosen: boolean;
  readonly query: Place["query"];
  readonly title: string;
  readonly figure: string;
  readonly unit: string;
  readonly children?: ComponentChildren;
}

function Box({ name, chosen, query, title, figure, unit, children }: BoxProps) {
  return (
    <Link
      to={hrefOf("system", { user: query["user"], box: name })}
      class={`box box-${name}`}
      box={name}
      aria-current={chosen ? "true" : undefined}
    >
      <b>{title}</b>
      <span class="figure">{figure}</span>
      <span class="unit">{unit}</span>
      {children !== undefined && <span class="more">{children}</span>}
    </Link>
  );
}

/** P50 and P99 on the budget's length. */
function Bullet({
  p50,
  p99,
  budget,
}: {
  readonly p50: number | null;
  readonly p99: number | null;
  readonly budget: number;
}) {
  const share = (value: number | null) => `${Math.min(100, (100 * (value ?? 0)) / budget)}%`;
  return (
    <>
      <span class={p99 !== null && p99 > budget ? "bullet over" : "bullet"} aria-hidden="true">
        <i style={{ width: share(p99) }} />
        <i style={{ width: share(p50) }} />
      </span>
      <span class="percentiles">
        <span>P50 {ms(p50)}</span>
        <span>P99 {ms(p99)}</span>
      </span>
    </>
  );
}

function SourceList({ live }: { readonly live: Live | undefined }) {
  return (
    <span class="source-list">
      {(live?.newest.sources ?? []).map(({ name, found }) => (
        <span key={name}>
          <span>{name}</span>
          <span>{short(Math.round(found))}</span>
        </span>
      ))}
    </span>
  );
}

const RUNG_ORDER = ["full", "cheaper-ranker", "fewer-candidates", "retrieval-order", "popular"];

function Rungs({ rungs }: { readonly rungs: Live["rungs"] }) {
  const all = Object.values(rungs).reduce((sum, own) => sum + own, 0);
  if (all === 0) return null;
  const shares = Object.entries(rungs).toSorted(([a], [b]) => RUNG_ORDER.indexOf(a) - RUNG_ORDER.indexOf(b));
  return (
    <span class="rungs">
      {shares.map(([name, own]) => (
        <span key={name}>
          <span>{words(name)}</span>
          <span>{percent(own / all, own / all < 0.1 ? 1 : 0)}</span>
        </span>
      ))}
    </span>
  );
}
