/**
 * A directory's worth of parts around users who mostly go round a ring, and bundles with rankers that are written by
 * hand over fitted sources: what each of them is worth is known.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
import {
  type BundleId,
  ManualClock,
  MINUTE,
  type Ms,
  processCpu,
  Random,
  silent,
} from "../../src/core/index.ts";
import { type EventLog, type Interaction, memoryLog } from "../../src/events/index.ts";
import { type FeatureSet, featureSet as featuresOf, sourceSchema } from "../../src/features/index.ts";
import { Follower, RankingCost } from "../../src/pipeline/index.ts";
import { type ServingModels, servingModels } from "../../src/pipeline/serving-models.ts";
import { DEFAULT_POLICY } from "../../src/policy/index.ts";
import { networkRanker, type RankerHeader, vocabularyOf } from "../../src/ranking/index.ts";
import {
  type BundleModels,
  encodeModels,
  type Manifest,
  openFileRegistry,
  type RankerFiles,
  type Registry,
} from "../../src/registry/index.ts";
import type { GateParts } from "../../src/release/index.ts";
import { rankExamples } from "../../src/release/rank-examples.ts";
import { sourcesNamed } from "../../src/retrieval/index.ts";
import { DEFAULT_LIMITS, memoryStore } from "../../src/state/index.ts";
import { add, compileServing, Graph, gather, matmul, mul, relu } from "../../src/tensor/index.ts";
import { fitSources } from "../../src/training/fit-sources.ts";
import { everything, examplesBetween, type HeldOut, readHistory } from "../../src/training/index.ts";
import { cutAt, momentOf, sequencesOf } from "../../src/training/replay.ts";
import { HOUR_MS, START, took } from "../training/logs.ts";

const ITEMS = 60;
const USERS = 60;
export const STEPS = 12;
/** What a training holds out. */
const NEWEST = 0.3;
const SOURCES = ["transitions", "covisitation", "popular"];
const GOLDEN_ROWS = 8;

/** Users who take the next item of the ring two times out of three, and any item otherwise. */
export function walks(from: number, to: number): Interaction[] {
  const random = new Random("walks");
  const places = Array.from({ length: USERS }, (_, user) => (user * 7) % ITEMS);
  const events: Interaction[] = [];
  for (let step = 0; step < to; step++) {
    for (let user = 0; user < USERS; user++) {
      places[user] = random.next() < 0.67 ? (places[user]! + 1) % ITEMS : random.int(ITEMS);
      const time = START + step * HOUR_MS + user;
      if (step >= from) events.push(took(`u${user}`, `v${places[user]}`, time));
    }
  }
  return events;
}

/** What is done to a ranker that orders candidates by what followed the newest items. */
export interface MadeRanker {
  /** Deviation of a noise in the logit of each item. */
  readonly noise?: number;
  /** Over sources that have not seen the newest part. */
  readonly older?: boolean;
  /** Instead of all weights. */
  readonly constant?: number;
  /** Columns that the network takes beyond those that there are. */
  readonly extraColumns?: number;
  /** Width of layers whose outcome counts for nothing. */
  readonly work?: number;
  readonly name?: string;
}

export interface RingWorld {
  readonly registry: Registry;
  readonly log: EventLog;
  readonly catalog: Catalog;
  /** What a training would have measured of a good bundle on the newest part, without it. */
  readonly heldOut: HeldOut;
  /** Where the bundles are. */
  readonly directory: string;
  parts(more?: Partial<GateParts>): GateParts;
  /** Publishes a bundle with this ranker, or with models that are broken in another way. */
  made(
    ranker: MadeRanker,
    about?: Partial<Manifest>,
    broken?: (models: BundleModels) => BundleModels,
  ): Promise<BundleId>;
  append(events: readonly Interaction[]): Promise<void>;
  close(): Promise<void>;
}

export async function ringWorld(): Promise<RingWorld> {
  const directory = await mkdtemp(join(tmpdir(), "upnext-release-"));
  const clock = new ManualClock();
  const registry = await openFileRegistry(directory, { clock });
  const log = memoryLog();
  await log.append(walks(0, STEPS));
  const history = await readHistory(log);
  const all = everything(history);
  const learned = cutAt(history, momentOf(history, all, 1 - NEWEST), all);
  const sources = sourcesNamed(SOURCES);
  const fittedOn = (cut: Int32Array) =>
    fitSources(sources, sequencesOf(history, cut), {
      catalog: history.catalog,
      seed: 1,
      clock,
      budget: MINUTE,
      timeBudget: MINUTE,
      progress: silent,
    });
  const fitted = await fittedOn(all);
  const older = await fittedOn(learned);
  const featureSet = featuresOf(sourceSchema(sources));
  const items = Array.from({ length: history.catalog.size }, (_, row) => history.catalog.idOf(row));
  const catalog = createCatalog();
  const store = memoryStore();
  const follower = new Follower(log, catalog, store);
  await follower.reached(log.end);
  const settings = { candidates: 500, perSource: 1000, headWeights: { engage: 1 }, policy: DEFAULT_POLICY };
  let made = 0;
  async function publish(
    ranker: MadeRanker,
    about: Partial<Manifest> = {},
    broken = (whole: BundleModels) => whole,
  ): Promise<BundleId> {
    const models: BundleModels = {
      items,
      features: { schema: featureSet.schema },
      sources: ranker.older ? older : fitted,
      ranker: await rankerFiles(featureSet, catalog, ranker),
      cheaperRanker: null,
    };
    const manifest = {
      // Two bundles that differ in nothing would be one.
      createdAt: ++made as Manifest["createdAt"],
      logOffset: history.logOffset,
      seed: 1,
      itemCount: items.length,
      fingerprint: featureSet.fingerprint,
      config: { sources: SOURCES },
      metrics: null,
      ...about,
    };
    return registry.publish(manifest, encodeModels(broken(models)));
  }
  const measured = await publish({ older: true });
  const examples = examplesBetween(history, learned, all);
  const load = async (past: Catalog) => servingModels(await registry.open(measured), past);
  const [ranks] = await rankExamples([load], history, examples, settings, DEFAULT_LIMITS, silent);
  return {
    registry,
    log,
    catalog,
    heldOut: { examples, ranks: ranks! },
    directory,
    parts: (more) => ({
      registry,
      catalog,
      log,
      history: () => readHistory(log),
      heldOut: null,
      settings,
      limits: DEFAULT_LIMITS,
      // The tests' machine may be busy with other things.
      slo: { p99Ms: 1_000 },
      partsOf: (user, models: ServingModels) => ({
        catalog,
        models,
        clock,
        cost: new RankingCost(),
        settings,
        readState: () => follower.read(user),
      }),
      clock: { now: () => clock.now(), monotonic: () => performance.now() as Ms },
      cpu: processCpu,
      progress: silent,
      ...more,
    }),
    made: publish,
    async append(events) {
      await log.append(events);
      await follower.reached(log.end);
    },
    async close() {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
}

async function rankerFiles(featureSet: FeatureSet, catalog: Catalog, made: MadeRanker): Promise<RankerFiles> {
  const { noise = 0, constant, extraColumns = 0, work = 0, name = "made" } = made;
  const { candidateNames, requestNames, fingerprint } = featureSet;
  const random = new Random("made");
  const vocabulary = vocabularyOf(catalog);
  const width = candidateNames.length + extraColumns;
  const weights = Float32Array.from({ length: width }, (_, f) =>
    constant === undefined && candidateNames[f] === "provenance.transitions.log" ? 0.3 : 0,
  );
  const graph = new Graph();
  const candidates = graph.input("candidates", "float32", [1, "S", width]);
  const bias = graph.constant(Float32Array.of(constant ?? -1), [1]);
  let logits = add(matmul(candidates, graph.constant(weights, [width, 1])), bias);
  if (noise > 0) {
    const ofItems = Float32Array.from({ length: vocabulary.items }, () => noise * random.normal());
    const items = graph.input("items", "int32", [1, "S"]);
    logits = add(logits, gather(graph.constant(ofItems, [vocabulary.items, 1]), items));
  }
  if (work > 0) {
    const normal = (length: number) => Float32Array.from({ length }, () => random.normal());
    let hidden = relu(matmul(candidates, graph.constant(normal(width * work), [width, work])));
    for (let i = 0; i < 4; i++) {
      const layer = graph.constant(
        normal(work * work).map((value) => value / work),
        [work, work],
      );
      hidden = relu(matmul(hidden, layer));
    }
    const last = graph.constant(new Float32Array(work).fill(1e-30), [work, 1]);
    logits = add(logits, mul(matmul(hidden, last), graph.scalar(1e-30)));
  }
  const models = [compileServing({ logits }, {})];
  const header: RankerHeader = {
    name,
    heads: ["engage"],
    fingerprint,
    requestFeatures: requestNames.length,
    candidateFeatures: candidateNames.length,
    vocabulary,
    calibration: [{ scale: 1, shift: 0 }],
  };
  const rows = (columns: number) => ({
    dims: [1, GOLDEN_ROWS, columns],
    data: Float32Array.from({ length: GOLDEN_ROWS * columns }, (_, i) => Math.sin(i)),
  });
  const items = { dims: [1, GOLDEN_ROWS], data: Int32Array.from({ length: GOLDEN_ROWS }, (_, i) => i) };
  const ranker = await networkRanker(header, models);
  const probabilities = await ranker.scoreInputs({ candidates: rows(width), items });
  await ranker.close();
  // Whoever loads it gives it the columns that there are.
  const { dims, data } = rows(candidateNames.length);
  return {
    header,
    models,
    golden: {
      inputs: {
        candidates: { type: "float32", dims, data: [...data] },
        items: { type: "int32", dims: items.dims, data: [...items.data] },
      },
      // JSON has no NaN: a bundle whose weights have become NaN has the scores that were good.
      probabilities: probabilities.map((column) => [...column].map((p) => (Number.isNaN(p) ? 0.5 : p))),
    },
  };
}
