/**
 * The files of a bundle, written and read in one place.
 *
 * items.json                 ids of the items by row
 * features.json              what the features were made for (sources, surfaces, devices, facts of users), and
 *                            how they were distributed
 * sources/NAME/COLUMN.DTYPE  what a fitted source keeps, little-endian
 * sources/NAME/MODEL.onnx    a network of a source: a column of bytes whose name ends so
 * ranker.json                header of the ranker, where there is one
 * ranker-0.onnx, …           its models
 * golden.json                inputs of a request and the probabilities that the ranker gave them when it was made
 * cheaper-ranker.json, …     the same three of a ranker that costs less, where there is one
 */
import { UpnextError } from "../core/index.ts";
import type { Bundle } from "./registry.ts";

const MODEL = ".onnx";
const DTYPES = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint8: Uint8Array,
} as const;
type Dtype = keyof typeof DTYPES;
type Column = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

/** Numbers with their shape, row-major. */
export interface GoldenInput {
  readonly type: "float32" | "int32";
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

export interface GoldenScores {
  /** Of one request, by name. */
  readonly inputs: Readonly<Record<string, GoldenInput>>;
  /** [head] (n) */
  readonly probabilities: readonly (readonly number[])[];
}

export interface RankerFiles {
  /** The ranker's header, as JSON. */
  readonly header: unknown;
  readonly models: readonly Uint8Array[];
  readonly golden: GoldenScores;
}

export interface BundleModels {
  /** Ids of the items that the models know, by row. */
  readonly items: readonly string[];
  /** As JSON. */
  readonly features: unknown;
  readonly sources: Readonly<Record<string, Readonly<Record<string, Column>>>>;
  readonly ranker: RankerFiles | null;
  /** Serves where there is no time for the other one; null where that one is the cheapest. */
  readonly cheaperRanker: RankerFiles | null;
}

/** What the names of a ranker's files begin with. */
const RANKER = "";
const CHEAPER = "cheaper-";

export function encodeModels({
  items,
  features,
  sources,
  ranker,
  cheaperRanker,
}: BundleModels): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = { "items.json": json(items), "features.json": json(features) };
  for (const [source, columns] of Object.entries(sources)) {
    for (const [name, column] of Object.entries(columns)) {
      const file = name.endsWith(MODEL) ? name : `${name}.${dtypeOf(column)}`;
      files[`sources/${source}/${file}`] = new Uint8Array(
        column.buffer,
        column.byteOffset,
        column.byteLength,
      );
    }
  }
  if (ranker !== null) addRanker(files, RANKER, ranker);
  if (cheaperRanker !== null) addRanker(files, CHEAPER, cheaperRanker);
  return files;
}

function addRanker(files: Record<string, Uint8Array>, prefix: string, ranker: RankerFiles): void {
  files[`${prefix}ranker.json`] = json(ranker.header);
  ranker.models.forEach((model, i) => {
    files[modelName(prefix, i)] = model;
  });
  files[`${prefix}golden.json`] = json(ranker.golden);
}

/**
 * Throws `bundle_corrupt` where a file does not have the form above; the hashes were checked when it was opened. Columns
 * are the bundle's own bytes where these are aligned: nobody writes into them.
 */
export function decodeModels(bundle: Bundle): BundleModels {
  const sources: Record<string, Record<string, Column>> = {};
  for (const name of Object.keys(bundle.manifest.files)) {
    const match = /^sources\/([^/]+)\/([^/]+)\.([a-z0-9]+)$/.exec(name);
    if (match === null) continue;
    const [, source, column, dtype] = match;
    // Names may be those of Object's own properties.
    if (!Object.hasOwn(sources, source!)) sources[source!] = {};
    if (name.endsWith(MODEL)) sources[source!]![`${column}${MODEL}`] = bundle.file(name);
    else sources[source!]![column!] = columnOf(name, dtype!, bundle.file(name));
  }
  const items = parse(bundle, "items.json");
  if (!Array.isArray(items) || !items.every((id) => typeof id === "string")) {
    throw broken("items.json", "a list of item ids", "something else");
  }
  const features = parse(bundle, "features.json");
  return {
    items,
    features,
    sources,
    ranker: rankerOf(bundle, RANKER),
    cheaperRanker: rankerOf(bundle, CHEAPER),
  };
}

function rankerOf(bundle: Bundle, prefix: string): RankerFiles | null {
  const header = `${prefix}ranker.json`;
  if (!(header in bundle.manifest.files)) return null;
  const golden = `${prefix}golden.json`;
  return {
    header: parse(bundle, header),
    models: modelsOf(bundle, prefix),
    golden: goldenOf(golden, parse(bundle, golden)),
  };
}

function columnOf(name: string, dtype: string, bytes: Uint8Array): Column {
  if (!Object.hasOwn(DTYPES, dtype))
    throw broken(name, `one of the types ${Object.keys(DTYPES).join(", ")}`, dtype);
  const Type = DTYPES[dtype as Dtype];
  if (bytes.length % Type.BYTES_PER_ELEMENT !== 0) {
    throw broken(name, `a multiple of ${Type.BYTES_PER_ELEMENT} bytes`, `${bytes.length}`);
  }
  const aligned = bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  const buffer = aligned.buffer as ArrayBuffer; // a file is not read into shared memory
  return new Type(buffer, aligned.byteOffset, aligned.length / Type.BYTES_PER_ELEMENT);
}

function modelName(prefix: string, i: number): string {
  return `${prefix}ranker-${i}.onnx`;
}

/** One at least: that the first is missing is an error of the bundle. */
function modelsOf(bundle: Bundle, prefix: string): readonly Uint8Array[] {
  const models = [bundle.file(modelName(prefix, 0))];
  while (modelName(prefix, models.length) in bundle.manifest.files)
    models.push(bundle.file(modelName(prefix, models.length)));
  return models;
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === "number");

function goldenOf(name: string, value: unknown): GoldenScores {
  const { inputs, probabilities } = Object(value) as Partial<GoldenScores>;
  const good =
    typeof inputs === "object" &&
    inputs !== null &&
    Object.values(inputs).every(isInput) &&
    Array.isArray(probabilities) &&
    probabilities.every(isNumbers);
  if (!good) throw broken(name, "inputs and probabilities", "something else");
  return { inputs, probabilities };
}

function isInput(value: unknown): boolean {
  const { type, dims, data } = Object(value) as Partial<GoldenInput>;
  return (type === "float32" || type === "int32") && isNumbers(dims) && isNumbers(data);
}

function dtypeOf(column: Column): Dtype {
  for (const [name, Type] of Object.entries(DTYPES)) if (column instanceof Type) return name as Dtype;
  throw new UpnextError("internal", "bundle: expected a column of a known type");
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function parse(bundle: Bundle, name: string): unknown {
  const bytes = bundle.file(name);
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw new UpnextError("bundle_corrupt", `bundle ${bundle.id}: ${name}: expected JSON`, { cause });
  }
}

function broken(file: string, expected: string, came: string): UpnextError {
  return new UpnextError(
    "bundle_corrupt",
    `bundle: ${file}: expected ${expected}, got ${came}. Train again.`,
  );
}
