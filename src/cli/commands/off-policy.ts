/** `upnext off-policy`: what a bundle would have earned, by the log of what another one showed. */
import { join } from "node:path";
import { Command } from "commander";
import { type BundleId, type Ms, UpnextError } from "../../core/index.ts";
import { programName } from "../command-line.ts";
import type { Context, GlobalOptions } from "../context.ts";
import { integerFrom } from "../option-parsers.ts";
import { withContext } from "../with-context.ts";

interface Options extends GlobalOptions {
  readonly bundle?: string;
  readonly requests: number;
  readonly clip?: number;
  readonly json?: true;
}

export function offPolicyCommand(): Command {
  return new Command("off-policy")
    .summary("estimate from logged chances what another bundle would have earned")
    .description(
      "Computes logged requests again with a bundle that has not learnt from them, and weighs what users did with " +
        "what both would show by how likely it was to be shown. Needs a log with exploration: policy: { explore: 0.05 }.",
    )
    .option("--bundle <id>", "which one (default: the current one)")
    .option("--requests <n>", "the newest so many requests", integerFrom(1, 1_000_000), 2_000)
    .option(
      "--clip <weight>",
      "count larger weights as this: less noise, some bias",
      integerFrom(1, 1_000_000),
    )
    .option("--json", "all figures as JSON")
    .addHelpText(
      "after",
      () => `
Examples:
  ${programName()} off-policy
  ${programName()} off-policy --bundle 9c1f0e5a77b2d410 --requests 10000 --clip 500`,
    )
    .action(withContext("apart", estimate));
}

async function estimate(context: Context, { bundle, requests, clip, json }: Options) {
  const { config, clock, progress, print } = context;
  const [{ openFileRegistry }, { openSnapshots }, { judgeByLog }, { DEFAULT_POLICY }, { openLog }] =
    await Promise.all([
      import("../../registry/index.ts"),
      import("../../snapshots/index.ts"),
      import("../../release/index.ts"),
      import("../../policy/index.ts"),
      import("../state-store-of.ts"),
    ]);
  const { BOOTSTRAP } = await import("../../evaluation/index.ts");
  const { offPolicyText } = await import("../off-policy-text.ts");
  const log = await openLog(context);
  const registry = await openFileRegistry(join(config.directory, "bundles"), { clock });
  const named = (bundle ?? (await registry.current())) as BundleId | null;
  if (named === null) {
    throw new UpnextError(
      "no_bundle",
      `off-policy: expected a trained bundle, there is none yet. Train one: ${context.program} train`,
    );
  }
  const { retrieval, ranking, state, policy } = config;
  const maxAge = state.maxAge !== undefined && { maxAge: state.maxAge as Ms };
  const report = await judgeByLog(
    named,
    requests,
    {
      log,
      registry,
      snapshots: await openSnapshots(join(config.directory, "snapshots"), { clock, log: log.id }),
      limits: { touches: state.touches, vetoes: state.vetoes, ...maxAge },
      settings: {
        candidates: retrieval.candidates,
        perSource: retrieval.perSource,
        headWeights: ranking.headWeights,
        ...maxAge,
        policy: { ...DEFAULT_POLICY, ...policy },
      },
      progress,
    },
    { ...BOOTSTRAP, ...(clip !== undefined && { clip }) },
  );
  progress.end();
  print(json ? JSON.stringify(report, null, 2) : offPolicyText(report));
}
