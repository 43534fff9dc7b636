/** A box of the diagram in detail: what it does, what it is set to, and how it went in the last minutes. */
import type { Live, Status } from "../api.ts";
import { bytes, count, decimal, moment, ms, percent, words } from "../format.ts";
import { HistoryChart, type Line } from "./history-chart.tsx";
import { STAGES } from "./journey.tsx";

export type BoxName =
  | keyof typeof STAGES
  | "clients"
  | "log"
  | "store"
  | "catalog"
  | "answer"
  | "history"
  | "fit"
  | "gate"
  | "bundle";

interface Details {
  readonly title: string;
  readonly about: string;
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly unit?: string;
  readonly lines?: (sample: Live) => Readonly<Record<string, number | null>>;
}

interface DetailsProps {
  readonly box: BoxName;
  readonly samples: readonly Live[];
  readonly status: Status;
}

export function BoxDetails({ box, samples, status }: DetailsProps) {
  const { title, about, settings, unit = "/s", lines } = detailsOf(box, status);
  const values = lines === undefined ? [] : samples.map(lines);
  const names = Object.keys(values.at(-1) ?? {});
  const drawn = names.map((name): Line => ({ name, values: values.map((own) => own[name] ?? null) }));
  return (
    <section class="panel details" aria-labelledby="box-title" aria-live="off">
      <div>
        <h2 id="box-title">{title}</h2>
        <p class="soft">{about}</p>
        <dl>
          {settings.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </div>
      {lines !== undefined && samples.length > 1 && (
        <HistoryChart
          at={samples.map(({ time }) => time)}
          lines={drawn}
          unit={unit}
          along="moments"
          label={`${title} over the last ${samples.length} seconds`}
        />
      )}
    </section>
  );
}

function detailsOf(box: BoxName, status: Status): Details {
  if (Object.hasOwn(STAGES, box)) return stageDetails(box as keyof typeof STAGES, status);
  const { log, state, catalog, bundle, settings } = status;
  switch (box) {
    case "clients":
      return {
        title: "Clients",
        about: "Ask for slates and send events, over HTTP or through the library.",
        settings: [["Budget of an answer", ms(settings.budgetMs)]],
        lines: ({ perSecond }) => ({
          slates: perSecond.recommendations,
          "HTTP requests": perSecond.requests,
          failures: perSecond.failures,
        }),
      };
    case "log":
      return {
        title: "Event log",
        about:
          "Everything that is known came in here, in one order. An event is acknowledged when it is durable.",
        settings: [
          ["Events", count(log.end)],
          ["First that is kept", count(log.first)],
          ["Size", bytes(log.bytes)],
        ],
        lines: ({ perSecond }) => ({ events: perSecond.events }),
      };
    case "store":
      return {
        title: "User state",
        about: "The newest touches of each user, folded from the log. Each slate begins with a read.",
        settings: [
          ["Store", state.store],
          ["Reflects", `${count(state.applied)} events`],
          ["Behind the log", count(state.behind)],
        ],
        lines: ({ perSecond }) => ({ reads: perSecond.recommendations }),
      };
    case "catalog":
      return {
        title: "Catalogue",
        about: "Facts and counters of items, as columns in memory, folded from the same log.",
        settings: [
          ["Items", count(catalog.items)],
          ["May be recommended", count(catalog.live)],
          ["Without facts", count(catalog.withoutFacts)],
        ],
        lines: ({ perSecond }) => ({ events: perSecond.events }),
      };
    case "history":
      return {
        title: "Training data",
        about: "The log, read once: every user's interactions in order, and the slates that were shown.",
        settings:
          bundle === null
            ? []
            : [
                ["Trained on", `${count(bundle.logOffset)} events`],
                ["Newer ones since", count(log.end - bundle.logOffset)],
              ],
      };
    case "fit":
      return {
        title: "Sources and ranker",
        about:
          "The sources are fitted on the older part; the ranker learns from the newest part, with features computed by the very functions that serve.",
        settings: [
          ["Sources", settings.sources.join(", ")],
          [
            "Heads",
            settings.heads.map(({ name, weight }) => `${words(name)} × ${decimal(weight)}`).join(", "),
          ],
        ],
      };
    case "gate":
      return {
        title: "Release gate",
        about:
          "Loads a new bundle, asks it recent requests, and compares cost and quality with the one in service.",
        settings: [["Verdicts", "in the view Training"]],
      };
    case "bundle":
      return {
        title: "Bundle in service",
        about:
          "Models, item map and feature schema under one hash. A new one is swapped in while requests go on.",
        settings:
          bundle === null
            ? [["Bundle", "none: popular, trending and fresh items are served"]]
            : [
                ["Bundle", bundle.id],
                ["Trained", moment(bundle.trainedAt)],
              ],
      };
    default:
      return {
        title: "Slate",
        about: "The whole way of a request. Where time runs out, a simpler rung of the ladder answers.",
        settings: [
          ["Budget", ms(settings.budgetMs)],
          ["Candidates", count(settings.candidates)],
          ["Asked of each source", count(settings.perSource)],
        ],
        unit: "ms",
        lines: ({ newest }) => ({ P50: newest.total.p50, P99: newest.total.p99 }),
      };
  }
}

function stageDetails(stage: keyof typeof STAGES, { settings }: Status): Details {
  const end = settings.stageEnds[stage];
  return {
    title: `Stage: ${stage}`,
    about: `This stage ${STAGES[stage].about}.`,
    settings: [
      [
        "Has to be over by",
        end === undefined
          ? "no limit of its own"
          : `${percent(end)} of the budget (${ms(end * settings.budgetMs)})`,
      ],
      ...(stage === "retrieve" ? [["Sources", settings.sources.join(", ")] as const] : []),
      ...(stage === "rank"
        ? [
            [
              "Heads",
              settings.heads.map(({ name, weight }) => `${words(name)} × ${decimal(weight)}`).join(", "),
            ] as const,
          ]
        : []),
    ],
    unit: "ms",
    lines: ({ newest }) => {
      const own = newest.stages.find((each) => each.stage === stage);
      return { P50: own?.p50 ?? null, P99: own?.p99 ?? null };
    },
  };
}
