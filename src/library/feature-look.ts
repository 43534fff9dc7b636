/**
 * The report on features, by a process of its own with the lowest priority: it reads the whole log and asks every source
 * thousands of times, which between two answers would hold them up for seconds.
 *
 * One look at a time: who asks meanwhile gets its report, and so does who asks soon after.
 */
import { spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import {
  type BundleId,
  type Clock,
  type EpochMs,
  type ErrorCode,
  nodeArgs,
  type Progress,
  UpnextError,
} from "../core/index.ts";
import type { FeatureReport, FeatureReportOptions } from "../training/index.ts";

/** What is looked at. */
export interface FeaturesWanted extends Omit<FeatureReportOptions, "bundle" | "base"> {
  readonly directory: string;
  readonly bundle: BundleId | null;
}

/** What the other process says. */
export type FeaturesMessage =
  | { readonly step: Parameters<Progress["step"]> }
  | { readonly done: number }
  | { readonly note: string }
  | { readonly report: FeatureReport }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } };

export interface FeaturesRead extends FeatureReport {
  readonly readAt: EpochMs;
}

/** So long a report is new: the newest 4,000 slates are not others within it, on a platform where a look takes long (a guess). */
const FRESH_MS = 5 * 60_000;

/** A look under way. */
interface Looking {
  /** Rejects with what `featureReport` rejects with. */
  readonly report: Promise<FeatureReport>;
  /** Resolves when nothing of it runs any more; `report` has rejected then, if it had not come. */
  end(): Promise<void>;
}

type Look = (wanted: FeaturesWanted, progress: Progress) => Looking;

export class FeatureLook {
  private readonly clock: Clock;
  private readonly look: Look;
  private asked: { readonly bundle: BundleId | null; readonly report: Promise<FeaturesRead> } | undefined;
  private newest: FeaturesRead | undefined;
  private looking: Looking | undefined;
  private closed = false;

  constructor(clock: Clock, look: Look = lookApart) {
    this.clock = clock;
    this.look = look;
  }

  /** Rejects with what `featureReport` rejects with, and with `closed`. Whoever comes first has the progress. */
  read(wanted: FeaturesWanted, progress: Progress): Promise<FeaturesRead> {
    const { newest, asked } = this;
    if (newest?.bundle === wanted.bundle && this.clock.now() - newest.readAt < FRESH_MS) {
      return Promise.resolve(newest);
    }
    if (asked?.bundle === wanted.bundle) return asked.report;
    // The one under way compares with a bundle that no longer serves: it is waited for, not taken.
    const report = this.readAlone(asked?.report, wanted, progress);
    const own = { bundle: wanted.bundle, report };
    this.asked = own;
    const ended = () => {
      if (this.asked === own) this.asked = undefined;
    };
    report.then(ended, ended);
    return report;
  }

  /** Ends a look under way. */
  async close(): Promise<void> {
    this.closed = true;
    await this.looking?.end();
  }

  private async readAlone(
    before: Promise<unknown> | undefined,
    wanted: FeaturesWanted,
    progress: Progress,
  ): Promise<FeaturesRead> {
    await before?.catch(() => {});
    this.assertOpen();
    const readAt = this.clock.now();
    this.looking = this.look(wanted, progress);
    try {
      this.newest = { ...(await this.looking.report), readAt };
      return this.newest;
    } catch (cause) {
      this.assertOpen();
      throw cause;
    } finally {
      this.looking = undefined;
    }
  }

  private assertOpen(): void {
    if (this.closed) throw new UpnextError("closed", "features: the instance was closed meanwhile");
  }
}

/** Looks in a process of its own. */
export function lookApart(wanted: FeaturesWanted, progress: Progress): Looking {
  const args = [...nodeArgs(import.meta.url, "features.child"), JSON.stringify(wanted)];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    // Means of features that say nothing are NaN, which JSON does not know.
    serialization: "advanced",
  });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  let complaint = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(0, 2_000);
  });
  let result: FeatureReport | UpnextError | undefined;
  child.on("message", (message) => {
    const said = message as FeaturesMessage;
    if ("step" in said) progress.step(...said.step);
    else if ("done" in said) progress.update(said.done);
    else if ("note" in said) progress.note(said.note);
    else if ("report" in said) result = said.report;
    else result = new UpnextError(said.failure.code, said.failure.message);
  });
  // "close" comes after all that was said.
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return {
    report: ended.then((code) => {
      if (result instanceof UpnextError) throw result;
      if (result !== undefined) return result;
      throw new Error(`features: the process that looks ended with ${code}: ${complaint}`);
    }),
    async end() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
