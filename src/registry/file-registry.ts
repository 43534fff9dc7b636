/**
 * The registry in a directory:
 *
 *     <directory>/<bundle id>/manifest.json   and the bundle's files beside it
 *     <directory>/<bundle id>.verdict.json    what was decided about it
 *     <directory>/pointers.json               who was current when
 *     <directory>/.scratch.*                  what writers have under way, or left when they were killed
 *
 * Any number of processes may read and publish. Promoting reads and then replaces one file: the last of two at the
 * same time wins, so let one process promote.
 */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type BundleId,
  type Clock,
  errorCode,
  renameDurably,
  syncTree,
  UpnextError,
  writeDurably,
} from "../core/index.ts";
import { fileNameProblem, MANIFEST_FILE } from "./file-name.ts";
import { BUNDLE_ID, encodeManifest, sha256 } from "./manifest.ts";
import { moved, NO_POINTERS, type Pointers, readPointers, writePointers } from "./pointers.ts";
import { readBundle, readManifest } from "./read-bundle.ts";
import type { Bundle, BundleState, BundleSummary, Change, Manifest, Registry, Verdict } from "./registry.ts";
import { scratchPath, sweep } from "./scratch.ts";
import { readVerdict, writeVerdict } from "./verdicts.ts";

/** Makes the directory where it is missing, and sweeps what killed writers left in it. */
export async function openFileRegistry(
  directory: string,
  options: { readonly clock: Clock },
): Promise<Registry> {
  await mkdir(directory, { recursive: true });
  await sweep(directory, options.clock);
  return new FileRegistry(directory, options.clock);
}

class FileRegistry implements Registry {
  private readonly directory: string;
  private readonly clock: Clock;

  constructor(directory: string, clock: Clock) {
    this.directory = directory;
    this.clock = clock;
  }

  async publish(
    about: Omit<Manifest, "format" | "files">,
    files: Readonly<Record<string, Uint8Array>>,
  ): Promise<BundleId> {
    refuseNames(Object.keys(files));
    const listed = Object.entries(files).map(
      ([name, bytes]) => [name, { sha256: sha256(bytes), bytes: bytes.length }] as const,
    );
    const { id, bytes } = encodeManifest({ ...about, format: 1, files: Object.fromEntries(listed) });
    if (await this.isIntact(id)) return id;

    const scratch = scratchPath(this.directory);
    try {
      for (const [name, content] of Object.entries(files)) await writeDurably(join(scratch, name), content);
      await writeDurably(join(scratch, MANIFEST_FILE), bytes);
      await syncTree(scratch);
      await this.moveIntoPlace(scratch, id);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    return id;
  }

  open(id: BundleId): Promise<Bundle> {
    return readBundle(this.directory, id);
  }

  async current(): Promise<BundleId | null> {
    return (await readPointers(this.directory)).standing[0] ?? null;
  }

  async changes(): Promise<readonly Change[]> {
    return (await readPointers(this.directory)).changes;
  }

  async promote(id: BundleId, despite?: string): Promise<void> {
    // Whole, not just the manifest: a pointer to a broken bundle is found out when it hurts most.
    await this.open(id);
    const pointers = await this.pointersOrNone();
    if (id === pointers.standing[0]) return;
    await this.move(pointers, { bundle: id, kind: "promote", ...(despite !== undefined && { despite }) });
  }

  async rollback(id?: BundleId): Promise<BundleId> {
    const pointers = await readPointers(this.directory);
    const [current, previous] = pointers.standing;
    const target = id ?? previous;
    if (target === undefined) {
      throw new UpnextError(
        "no_bundle",
        "registry: there is no previous bundle to roll back to; promote another one: upnext release promote ID",
      );
    }
    if (target === current || !wasCurrent(pointers, target)) {
      throw new UpnextError(
        "no_bundle",
        `registry: expected a bundle that was current before, got ${target}, which ${target === current ? "is current now" : "never was"}; upnext release list names the others`,
      );
    }
    await this.open(target);
    await this.move(pointers, { bundle: target, kind: "rollback" });
    return target;
  }

  async judge(id: BundleId, verdict: Verdict): Promise<void> {
    // A verdict on nothing would wait for a bundle that gets the name one day.
    await readManifest(this.directory, id);
    await writeVerdict(this.directory, id, verdict);
  }

  async verdict(id: BundleId): Promise<Verdict | null> {
    return BUNDLE_ID.test(id) ? readVerdict(this.directory, id) : null;
  }

  async list(): Promise<readonly BundleSummary[]> {
    const pointers = await this.pointersOrNone();
    const summaries: BundleSummary[] = [];
    for (const name of await readdir(this.directory)) {
      if (!BUNDLE_ID.test(name)) continue;
      const id = name as BundleId;
      const manifest = await unlessRefused(readManifest(this.directory, id));
      if (manifest !== null) summaries.push({ id, state: await this.stateOf(id, pointers), manifest });
    }
    const made = ({ manifest }: BundleSummary) => manifest.createdAt;
    return summaries.sort((a, b) => made(b) - made(a) || (a.id < b.id ? -1 : 1));
  }

  private async stateOf(id: BundleId, pointers: Pointers): Promise<BundleState> {
    const [current, previous] = pointers.standing;
    if (id === current) return "current";
    if (id === previous) return "previous";
    if (wasCurrent(pointers, id)) return "earlier";
    return (await this.verdict(id))?.accepted === false ? "refused" : "candidate";
  }

  private move(pointers: Pointers, change: Omit<Change, "time">): Promise<void> {
    return writePointers(this.directory, moved(pointers, { ...change, time: this.clock.now() }));
  }

  private async isIntact(id: BundleId): Promise<boolean> {
    return (await unlessRefused(this.open(id))) !== null;
  }

  /** Where a broken bundle has the name, it makes room: publishing again is how it is mended. */
  private async moveIntoPlace(scratch: string, id: BundleId): Promise<void> {
    const target = join(this.directory, id);
    try {
      await renameDurably(scratch, target);
    } catch (error) {
      const code = errorCode(error);
      if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOTDIR") throw error;
      // Another process was first with the same content.
      if (await this.isIntact(id)) return;
      const broken = scratchPath(this.directory);
      await rename(target, broken);
      await renameDurably(scratch, target);
      await rm(broken, { recursive: true, force: true });
    }
  }

  /** A pointer file that cannot be read must not keep anyone from promoting anew. */
  private async pointersOrNone(): Promise<Pointers> {
    return (await unlessRefused(readPointers(this.directory))) ?? NO_POINTERS;
  }
}

function wasCurrent({ standing, changes }: Pointers, id: BundleId): boolean {
  return standing.includes(id) || changes.some(({ bundle }) => bundle === id);
}

/** Null where the registry's own checks refuse; I/O errors go through. */
async function unlessRefused<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof UpnextError) return null;
    throw error;
  }
}

function refuseNames(names: readonly string[]): void {
  for (const name of names) {
    const problem = fileNameProblem(name);
    if (problem !== null) {
      throw new UpnextError("invalid_request", `registry: file ${JSON.stringify(name)}: ${problem}`);
    }
    const inside = names.find((other) => other.startsWith(`${name}/`));
    if (inside !== undefined) {
      throw new UpnextError(
        "invalid_request",
        `registry: "${name}" cannot be a file and the directory of "${inside}"`,
      );
    }
  }
}
