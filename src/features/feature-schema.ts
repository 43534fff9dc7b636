/**
 * What a training saw, so that columns are the same in serving: the sources, the surfaces and devices, and the facts of
 * users. It travels in the bundle (features.json), and the fingerprint covers it.
 */
import type { Catalog } from "../catalog/index.ts";
import type { UserId } from "../core/index.ts";
import type { UserFacts } from "../events/index.ts";
import type { Source } from "../retrieval/index.ts";

/** A fact of users as a feature: a number as it is, or which of the commonest values it has. */
export interface FactSchema {
  readonly key: string;
  readonly kind: "number" | "category";
  /** Of a category: the commonest, most frequent first. */
  readonly values?: readonly string[];
}

/** JSON. */
export interface FeatureSchema {
  readonly sources: readonly string[];
  readonly signals: readonly string[];
  readonly surfaces: readonly string[];
  readonly devices: readonly string[];
  readonly facts: readonly FactSchema[];
}

/** Values of one category that have a column of their own; the rest share one (guess). */
const MAX_VALUES = 24;
/** Facts that become features, those that most users have. */
const MAX_FACTS = 40;
/** A fact that fewer of the users with facts have says nothing of the others. */
const MIN_SHARE = 0.01;

/** The features of these sources where nothing else is known. */
export function sourceSchema(sources: readonly Pick<Source, "name" | "signalNames">[]): FeatureSchema {
  return {
    sources: sources.map(({ name }) => name),
    signals: sources.flatMap(({ signalNames }) => [...signalNames]),
    surfaces: [],
    devices: [],
    facts: [],
  };
}

export interface SchemaData {
  readonly sources: readonly Pick<Source, "name" | "signalNames">[];
  readonly catalog: Pick<Catalog, "userFacts">;
  readonly users: readonly UserId[];
  /** Of the slates that are learned from; those of unknown places say nothing. */
  readonly surfaces: Iterable<string | undefined>;
  readonly devices: Iterable<string | undefined>;
}

export function fitFeatureSchema({ sources, catalog, users, surfaces, devices }: SchemaData): FeatureSchema {
  const facts = users.map((user) => catalog.userFacts(user)).filter((found) => found !== undefined);
  return {
    ...sourceSchema(sources),
    surfaces: commonest(surfaces),
    devices: commonest(devices),
    facts: factsOf(facts),
  };
}

/** The schema that `value` is, as JSON had it; undefined where it is none. */
export function parseFeatureSchema(value: unknown): FeatureSchema | undefined {
  const { sources, signals, surfaces, devices, facts } = Object(value) as Partial<FeatureSchema>;
  if (![sources, signals, surfaces, devices].every(isTexts)) return undefined;
  if (!Array.isArray(facts) || !facts.every(isFact)) return undefined;
  return { sources, signals, surfaces, devices, facts } as FeatureSchema;
}

function isFact(value: unknown): value is FactSchema {
  const { key, kind, values } = Object(value) as Partial<FactSchema>;
  return typeof key === "string" && (kind === "number" || (kind === "category" && isTexts(values)));
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function factsOf(all: readonly UserFacts[]): readonly FactSchema[] {
  const byKey = new Map<string, UserFacts[string][]>();
  for (const facts of all) {
    for (const [key, value] of Object.entries(facts)) {
      const values = byKey.get(key);
      if (values === undefined) byKey.set(key, [value]);
      else values.push(value);
    }
  }
  return [...byKey]
    .filter(([, values]) => values.length >= MIN_SHARE * all.length)
    .sort(([a, some], [b, others]) => others.length - some.length || byText(a, b))
    .slice(0, MAX_FACTS)
    .map(([key, values]) => factOf(key, values));
}

/** Whole numbers of which there are few are codes, each with an effect of its own; other numbers are amounts. */
function factOf(key: string, values: readonly UserFacts[string][]): FactSchema {
  const amounts = values.every((value) => typeof value === "number");
  const distinct = new Set(values);
  const codes = distinct.size <= MAX_VALUES && values.every((value) => Number.isInteger(value));
  if (amounts && !codes) return { key, kind: "number" };
  return { key, kind: "category", values: commonest(values.map(String)) };
}

/** At most MAX_VALUES, most frequent first, equally frequent ones by text. */
function commonest(values: Iterable<string | undefined>): readonly string[] {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || byText(a, b))
    .slice(0, MAX_VALUES)
    .map(([value]) => value);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
