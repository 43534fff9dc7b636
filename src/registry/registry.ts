/**
 * Model bundles: immutable directories named by their content, and one atomic pointer to the current one.
 *
 * The registry knows files, hashes and names; what the files mean is the business of who writes and loads them.
 */
import type { BundleId, EpochMs, Offset } from "../core/index.ts";

export interface Manifest {
  /** Version of the bundle layout. */
  readonly format: 1;
  readonly createdAt: EpochMs;
  /** Events of the log that training has seen: everything before this offset. */
  readonly logOffset: Offset;
  readonly seed: number;
  readonly itemCount: number;
  /** Fingerprint of the features that the ranker reads. */
  readonly fingerprint: string;
  /** The part of the configuration that shaped it. */
  readonly config: unknown;
  /** Evaluation results and measured latencies, as training wrote them. */
  readonly metrics: unknown;
  /** Every file of the bundle. Names may contain "/". */
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly bytes: number }>>;
}

export interface Bundle {
  /** First 16 hex digits of the SHA-256 of the manifest's canonical JSON. */
  readonly id: BundleId;
  readonly manifest: Manifest;
  /** Bytes of a file, verified against its hash when the bundle was opened. */
  file(name: string): Uint8Array;
}

export interface BundleSummary {
  readonly id: BundleId;
  readonly createdAt: EpochMs;
  readonly logOffset: Offset;
  readonly current: boolean;
  readonly previous: boolean;
}

export interface Registry {
  /** Writes files and manifest, fsyncs, then renames into place: afterwards the bundle is there whole or not at all. */
  publish(
    manifest: Omit<Manifest, "format" | "files">,
    files: Readonly<Record<string, Uint8Array>>,
  ): Promise<BundleId>;
  /** Opens and verifies; rejects with `bundle_corrupt`, `bundle_incompatible` or `no_bundle`, naming file and difference. */
  open(id: BundleId): Promise<Bundle>;
  /** Id of the current bundle, or null. Cheap: one small file. */
  current(): Promise<BundleId | null>;
  /** Points to `id` atomically; the one before becomes the previous. */
  promote(id: BundleId): Promise<void>;
  /** Points back to the previous bundle and returns it; rejects with `no_bundle` where there is none. */
  rollback(): Promise<BundleId>;
  list(): Promise<readonly BundleSummary[]>;
}
