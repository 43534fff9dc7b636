export { openFileRegistry } from "./file-registry.ts";
export {
  type BundleModels,
  decodeModels,
  encodeModels,
  type GoldenScores,
  type RankerFiles,
} from "./model-files.ts";
export type {
  Bundle,
  BundleState,
  BundleSummary,
  Change,
  Manifest,
  Registry,
  Verdict,
} from "./registry.ts";
