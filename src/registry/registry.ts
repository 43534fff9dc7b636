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

/** Why a bundle may serve or not: what was decided, when, and on which evidence. */
export interface Verdict {
  readonly accepted: boolean;
  readonly time: EpochMs;
  /** JSON; what it says is the business of who judged. */
  readonly report: unknown;
}

/** A move of the pointer. */
export interface Change {
  readonly bundle: BundleId;
  readonly time: EpochMs;
  readonly kind: "promote" | "rollback";
  /** Why it was promoted although its verdict says no. */
  readonly despite?: string;
}

/**
 * What a bundle is: in service; what a rollback leads to; in service once; refused; none of it yet. The first that
 * holds.
 */
export type BundleState = "current" | "previous" | "earlier" | "refused" | "candidate";

export interface BundleSummary {
  readonly id: BundleId;
  readonly state: BundleState;
  readonly manifest: Manifest;
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
  /**
   * Points to `id` atomically; the one before becomes the previous. Rejects as `open` does.
   *
   * @param despite why, where a verdict says no
   */
  promote(id: BundleId, despite?: string): Promise<void>;
  /**
   * Points back to `id`, a bundle that was current before, or to the previous one; the ones that were promoted since
   * are then no longer what a rollback leads to. Rejects with `no_bundle` where there is none, and as `open` does.
   */
  rollback(id?: BundleId): Promise<BundleId>;
  /** Moves of the pointer, oldest first; the newest some dozen. */
  changes(): Promise<readonly Change[]>;
  /** Keeps the verdict beside the bundle, instead of an earlier one. */
  judge(id: BundleId, verdict: Verdict): Promise<void>;
  /** Null where nobody has judged, or where the file does not hold a verdict. */
  verdict(id: BundleId): Promise<Verdict | null>;
  /** Newest first. Directories whose manifest does not match their name are not bundles and are left out. */
  list(): Promise<readonly BundleSummary[]>;
}
