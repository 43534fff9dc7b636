/** The HTTP API, with the types of its own schemas. A failure is an ApiError with the code and the words of the server. */
import type { z } from "zod";
import type { appendSchema, userStateSchema } from "../../src/serving/answers.ts";
import type { experimentSchema, experimentsSchema } from "../../src/serving/experiment-answer.ts";
import type { liveSchema } from "../../src/serving/live-answer.ts";
import type {
  exposureSchema,
  featuresSchema,
  itemsSchema,
  slatesSchema,
  statusSchema,
  usersSchema,
} from "../../src/serving/overview-answer.ts";
import type { recommendationSchema, similarSchema } from "../../src/serving/recommendation-answer.ts";
import type {
  gateSchema,
  releaseSchema,
  releasesSchema,
  trainingSchema,
} from "../../src/serving/release-answer.ts";

export type Recommendation = z.output<typeof recommendationSchema>;
export type RecommendedItem = Recommendation["items"][number];
export type StageTrace = Recommendation["trace"]["stages"][number];
export type Why = NonNullable<RecommendedItem["why"]>;
export type WhyNot = NonNullable<Recommendation["whyNot"]>[number];
export type UserState = z.output<typeof userStateSchema>;
export type Touch = UserState["touches"][number];
export type Items = z.output<typeof itemsSchema>;
export type ItemOverview = Items["items"][number];
export type Facts = NonNullable<ItemOverview["facts"]>;
export type Status = z.output<typeof statusSchema>;
export type Users = z.output<typeof usersSchema>;
export type Exposure = z.output<typeof exposureSchema>;
export type Slates = z.output<typeof slatesSchema>;
export type Features = z.output<typeof featuresSchema>;
export type Similar = z.output<typeof similarSchema>;
export type Live = z.output<typeof liveSchema>;
export type Release = z.output<typeof releasesSchema>["releases"][number];
export type ReleaseDetails = z.output<typeof releaseSchema>;
export type Check = NonNullable<ReleaseDetails["checks"]>[number];
export type Tradeoffs = NonNullable<ReleaseDetails["tradeoffs"]>;
export type TrainingRun = NonNullable<z.output<typeof trainingSchema>["run"]>;
export type ExperimentDetails = z.output<typeof experimentSchema>;
export type ExperimentOverview = z.output<typeof experimentsSchema>["experiments"][number];
export type ArmStart = ExperimentOverview["arms"][number];
type GateReport = z.output<typeof gateSchema>;
type Appended = z.output<typeof appendSchema>;

/** Kept for the tab alone: a key is a secret. */
const KEY = "upnext-key";

export function setApiKey(key: string): void {
  sessionStorage.setItem(KEY, key);
}

export class ApiError extends Error {
  /** Of the server; `unreachable` where none answered. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface WhatIf {
  readonly add?: readonly { readonly item: string; readonly type: Touch["type"]; readonly value?: number }[];
  readonly remove?: readonly string[];
  readonly headWeights?: Readonly<Record<string, number>>;
}

/** For answers that explain: nobody waits for a feed, so nothing has to be left out. */
export const PATIENT_MS = 5_000;

export interface Wanted {
  readonly user: string;
  readonly limit?: number;
  readonly after?: number;
  readonly surface?: string;
  readonly budgetMs?: number;
  readonly categories?: readonly string[];
  readonly explain?: boolean;
  readonly whyNot?: readonly string[];
  readonly log?: boolean;
  readonly whatIf?: WhatIf;
}

export interface Interaction {
  readonly user: string;
  readonly item: string;
  readonly type: Touch["type"];
  readonly value?: number;
  readonly request?: string;
}

export interface ExperimentStart {
  readonly name: string;
  readonly arms: readonly [ArmStart, ArmStart];
  readonly metric: string;
  readonly smallest: number;
  readonly about?: string;
}

export const api = {
  recommend: (wanted: Wanted) => post<Recommendation>("/v1/recommendations", wanted),
  track: (event: Interaction) => post<Appended>("/v1/events", event),
  state: (user: string) => get<UserState>(`/v1/users/${encodeURIComponent(user)}/state`),
  stateAt: (user: string, time: number) =>
    get<UserState>(`/v1/users/${encodeURIComponent(user)}/state`, { time }),
  users: (limit: number) => get<Users>("/v1/users", { limit }),
  items: (query: { ids?: readonly string[]; search?: string; order?: string; limit?: number }) =>
    get<Items>("/v1/items", query),
  similar: (item: string, limit: number) =>
    get<Similar>(`/v1/items/${encodeURIComponent(item)}/similar`, { limit }),
  status: () => get<Status>("/v1/status"),
  releases: () => get<{ releases: Release[] }>("/v1/releases"),
  release: (bundle: string) => get<ReleaseDetails>(`/v1/releases/${bundle}`),
  training: () => get<{ run: TrainingRun | null }>("/v1/training"),
  promote: (bundle: string) => post<GateReport>(`/v1/releases/${bundle}/promotion`, {}),
  rollback: (bundle: string) => post<{ bundle: string }>(`/v1/releases/${bundle}/rollback`, undefined),
  experiments: () => get<{ experiments: ExperimentOverview[] }>("/v1/experiments"),
  experiment: (name: string, metric: string | undefined) =>
    get<ExperimentDetails>(`/v1/experiments/${name}`, { metric }),
  startExperiment: (start: ExperimentStart) => post<ExperimentOverview>("/v1/experiments", start),
  stopExperiment: (name: string) => post<ExperimentDetails>(`/v1/experiments/${name}/stop`, undefined),
  features: () => get<Features>("/v1/features"),
  slates: (item?: string) => get<Slates>("/v1/slates", { item }),
  exposure: () => get<Exposure>("/v1/exposure"),
};

type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

function get<T>(path: string, query: Query = {}): Promise<T> {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return ask<T>(parameters.size === 0 ? path : `${path}?${parameters}`, {});
}

function post<T>(path: string, body: unknown): Promise<T> {
  if (body === undefined) return ask<T>(path, { method: "POST" });
  return ask<T>(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function ask<T>(path: string, init: RequestInit): Promise<T> {
  const answer = await send(path, init);
  return (await answer.json()) as T;
}

/** The answer to a request that went well. */
export async function send(path: string, init: RequestInit): Promise<Response> {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...init.headers, ...(key !== null && { authorization: `Bearer ${key}` }) };
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, headers });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError("unreachable", "The server does not answer. Is it running? Start it with: npm start");
  }
  if (answer.ok) return answer;
  const body = (await answer.json().catch(() => null)) as {
    error?: { code?: string; message?: string };
  } | null;
  throw new ApiError(
    body?.error?.code ?? "unknown",
    body?.error?.message ?? `The server answered ${answer.status}.`,
  );
}
