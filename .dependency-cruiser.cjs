/**
 * Who may import whom in src/. This table is the rule; everything below it is derived, docs/decisions/0001-layers.md
 * says why, and test/house/layers.test.ts shows for every pair of folders that an import is caught or let pass.
 */
const BASE = ["core"];
const FACTS = [...BASE, "events", "catalog", "state"];

const layers = {
  core: [],
  tensor: BASE,
  monitoring: BASE,
  events: BASE,
  registry: BASE,
  datasets: [...BASE, "events"],
  simulation: [...BASE, "events"],
  catalog: [...BASE, "events"],
  state: [...BASE, "events"],
  snapshots: FACTS,
  evaluation: [...BASE, "events"],
  policy: [...BASE, "catalog", "state"],
  config: [...BASE, "events", "state", "policy"],
  retrieval: [...FACTS, "tensor", "models"],
  features: [...FACTS, "tensor", "retrieval"],
  models: [...BASE, "tensor"],
  ranking: [...FACTS, "tensor", "retrieval", "features", "models"],
  experiments: [...BASE, "events", "catalog"],
  pipeline: [
    ...FACTS,
    ...["snapshots", "features", "retrieval", "ranking", "policy", "registry", "monitoring", "experiments"],
  ],
  training: [
    ...FACTS,
    ...[
      "snapshots",
      "tensor",
      "monitoring",
      "features",
      "retrieval",
      "ranking",
      "registry",
      "models",
      "evaluation",
    ],
  ],
  release: [
    ...FACTS,
    "snapshots",
    "features",
    "retrieval",
    "ranking",
    "pipeline",
    "evaluation",
    "registry",
    "training",
  ],
  backup: [...FACTS, "snapshots", "registry"],
  serving: [...BASE, "events", "state", "pipeline", "registry", "monitoring", "experiments"],
};

// The library binds the folders together, and upnext.ts is its door; the command line has everything.
layers.library = Object.keys(layers).filter((folder) => folder !== "serving" && folder !== "backup");
layers["upnext.ts"] = [...BASE, "config", "events", "pipeline", "library"];
layers.cli = Object.keys(layers);

/** Files through which another folder may be entered: its list, or the interface file that has its noun. */
const doors = {
  every: ["index.ts"],
  events: ["event.ts", "event-log.ts"],
  datasets: ["importer.ts"],
  catalog: ["catalog.ts"],
  state: ["state-store.ts", "user-state.ts"],
  snapshots: ["snapshots.ts"],
  features: ["feature.ts"],
  retrieval: ["retriever.ts"],
  ranking: ["ranker.ts"],
  policy: ["filter.ts"],
  registry: ["registry.ts"],
  experiments: ["experiment-desk.ts"],
  pipeline: ["recommender.ts", "overview.ts"],
};

const folders = Object.keys(layers).filter((name) => !name.endsWith(".ts"));
const pathOf = (name) => (name.endsWith(".ts") ? `^src/${name.replace(".", "\\.")}$` : `^src/${name}/`);

const layerRules = Object.entries(layers).map(([name, allowed]) => ({
  name: `layer-${name}`,
  comment: `src/${name} may import ${allowed.map((other) => `src/${other}`).join(", ") || "nothing of src/"}.`,
  severity: "error",
  from: { path: pathOf(name) },
  to: { path: "^src/", pathNot: [name, ...allowed].map(pathOf) },
}));

const doorRules = folders.map((name) => ({
  name: `door-${name}`,
  comment: `src/${name} is entered through ${[...doors.every, ...(doors[name] ?? [])].join(" or ")}.`,
  severity: "error",
  from: { path: "^src/", pathNot: pathOf(name) },
  to: {
    path: pathOf(name),
    pathNot: [...doors.every, ...(doors[name] ?? [])].map(
      (file) => `^src/${name}/${file.replace(".", "\\.")}$`,
    ),
  },
}));

const houseRules = [
  {
    name: "known-folders",
    comment: "Every folder and every file beside them in src/ stands in the table, with what it may import.",
    severity: "error",
    from: { path: "^src/", pathNot: Object.keys(layers).map(pathOf) },
    to: {},
  },
  {
    name: "no-cycles",
    comment: "Also of types alone: who imports whom must have an order in which it can be read.",
    severity: "error",
    from: { path: "^(src|console)/" },
    to: { circular: true },
  },
  {
    name: "source-only",
    comment: "What is published does not depend on tests, benchmarks or scripts.",
    severity: "error",
    from: { path: "^src/" },
    to: { path: "^(test|bench|scripts|console|docs)/" },
  },
  {
    name: "console-by-types",
    comment:
      "The console runs in a browser: of src/ it knows what the HTTP API's answers look like, and nothing runs.",
    severity: "error",
    from: { path: "^console/" },
    to: { path: "^src/", pathNot: "^src/serving/[^/]*answers?\\.ts$" },
  },
  {
    name: "console-runs-nothing-of-src",
    comment: "Imports of types alone leave no trace in what the browser loads.",
    severity: "error",
    from: { path: "^console/" },
    to: { path: "^src/", dependencyTypesNot: ["type-only"] },
  },
  {
    name: "no-development-packages",
    comment: "Who installs upnext has its dependencies alone.",
    severity: "error",
    from: { path: "^src/" },
    to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
  },
  {
    name: "resolvable",
    comment: "An import leads to something that is there.",
    severity: "error",
    from: { path: "^(src|console)/" },
    to: { couldNotResolve: true },
  },
];

module.exports = {
  forbidden: [...layerRules, ...doorRules, ...houseRules],
  options: {
    // Imports of types count.
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    // AssemblyScript: its imports are its own compiler's business.
    exclude: { path: "^src/[^/]+/assembly/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};

// For the self-test; not a part of the configuration that the cruiser reads.
Object.defineProperty(module.exports, "table", { value: { layers, doors }, enumerable: false });
