export { openFileRegistry } from "./file-registry.ts";
export type { Bundle, BundleSummary, Manifest, Registry } from "./registry.ts";
