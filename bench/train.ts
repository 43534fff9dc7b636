/**
 * One training step of a sequence transformer in this engine and in PyTorch's eager mode, on the same numbers.
 *
 * Each engine is a process that stays alive and does a round of steps when told, so that rounds interleave; their order
 * turns round each time. Before that, fresh processes train three steps from the same weights without dropout, and
 * their losses must agree. The peak that utilisation refers to is a large matrix product in ONNX Runtime with as many
 * threads, measured in the same rounds.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Random } from "../src/core/index.ts";
import { rounded, spread } from "./figures/spread.ts";
import { type RoundAnswer, type StepConfig, stepFlops, weightShapes } from "./train/step.ts";

export const about =
  "One training step of SASRec (batch 128, length 200 without padding, width 64, 2 blocks, dropout 0.2 on the input and on what each part adds, 256 negatives for all positions, 3,416 items, AdamW on all parameters) in this engine and in PyTorch's eager mode, interleaved; losses of both agree before anything is measured. Utilisation: operations of a step (2 for each multiply-add of the forward pass's matrix products, times 3 for the gradients; of attention only what the causal mask leaves; no embedding look-ups) by the step's time and the GFLOP/s of a 2048³ product in ONNX Runtime with as many threads. `speed`: PyTorch's time by ours, round by round. It wants quiet cores: threads of PyTorch that wait for one another spin.";
export const needsBuild = false;

const STEP: Omit<StepConfig, "threads" | "heads" | "weights" | "batches"> = {
  batch: 128,
  length: 200,
  width: 64,
  blocks: 2,
  items: 3416,
  negatives: 256,
  dropout: 0.2,
  learningRate: 1e-3,
  batchCount: 4,
};
/** Losses of three steps agree to this share; float32 sums in another order differ by some 1e-6. */
const AGREES = 1e-4;

interface Plan {
  readonly rounds: number;
  /** Steps of each engine in a round. */
  readonly steps: number;
}

/** Arguments: `--quick`; `--threads N`, all cores unless told; `--heads 1,2` for each in turn, as it is unless told. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const option = (name: string, otherwise: string): string => {
    const at = args.indexOf(name);
    return at < 0 ? otherwise : (args[at + 1] ?? otherwise);
  };
  const plan: Plan = args.includes("--quick") ? { rounds: 2, steps: 2 } : { rounds: 9, steps: 5 };
  const threads = Number(option("--threads", String(cpus().length)));
  const peer = findTorch();
  const result: Record<string, unknown> = { threads, ...plan, PyTorch: peer.version ?? peer.missing };
  const directory = mkdtempSync(join(tmpdir(), "upnext-bench-train-"));
  try {
    for (const heads of option("--heads", "1,2").split(",").map(Number)) {
      const config = writeConfig(directory, threads, heads);
      const title = `${heads} ${heads === 1 ? "head" : "heads"}`;
      result[title] = await measure(config, peer.version === undefined ? undefined : peer.python, plan);
    }
    return result;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function findTorch(): { readonly python: string; readonly version?: string; readonly missing?: string } {
  const python = process.env["UPNEXT_PYTHON"] ?? "python3";
  try {
    const script = "import numpy, torch; print(torch.__version__)";
    const version = execFileSync(python, ["-c", script], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return { python, version: version.trim() };
  } catch {
    return { python, missing: "not measured: no python3 with torch and numpy (UPNEXT_PYTHON names one)" };
  }
}

/** Weights and batches in files, the same for every engine. */
function writeConfig(directory: string, threads: number, heads: number): StepConfig {
  const random = new Random("bench/train");
  const weights: Record<string, { shape: readonly number[]; file: string }> = {};
  mkdirSync(join(directory, "weights"), { recursive: true });
  for (const [name, shape] of Object.entries(weightShapes(STEP))) {
    const size = shape.reduce((product, dim) => product * dim, 1);
    const centre = name.endsWith(".scale") ? 1 : 0;
    const deviation = name.endsWith(".weight") ? Math.sqrt(1 / STEP.width) : 0.1;
    const file = join(directory, "weights", `${name}.f32`);
    writeFileSync(
      file,
      Float32Array.from({ length: size }, () => centre + deviation * random.normal()),
    );
    weights[name] = { shape, file };
  }
  const batches = join(directory, "batches.i32");
  const ids = STEP.batchCount * (2 * STEP.batch * STEP.length + STEP.negatives);
  writeFileSync(
    batches,
    Int32Array.from({ length: ids }, () => 1 + random.int(STEP.items)),
  );
  return { ...STEP, threads, heads, weights, batches };
}

async function measure(config: StepConfig, python: string | undefined, { rounds, steps }: Plan) {
  const start = (of: StepConfig) => ({
    upnext: engine("train/step.ts", of),
    ...(python === undefined ? {} : { PyTorch: peer(python, of) }),
  });
  await checkLosses(start({ ...config, dropout: 0 }));
  const engines = start(config);
  const peak = engine("train/peak.ts", config);
  const answers = new Map<string, RoundAnswer[]>(Object.keys(engines).map((name) => [name, []]));
  const peaks: number[] = [];
  try {
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      const names = Object.entries(engines);
      for (const [name, process] of round % 2 === 0 ? names : names.reverse()) {
        const answer = await process.ask<RoundAnswer>({ steps });
        if (round > 0) answers.get(name)!.push(answer);
      }
      peaks.push((await peak.ask<{ gflops: number }>({})).gflops);
    }
  } finally {
    for (const process of [...Object.values(engines), peak]) await process.close();
  }
  return summary(config, answers, Math.max(...peaks));
}

/** Three steps from the same weights on the same batches: forward pass, gradients and optimizer agree, or this throws. */
async function checkLosses(engines: Readonly<Record<string, Engine>>): Promise<void> {
  const losses: (readonly number[])[] = [];
  for (const process of Object.values(engines)) {
    losses.push((await process.ask<RoundAnswer>({ steps: 3 })).losses);
    await process.close();
  }
  const [ours, theirs = ours!] = losses;
  ours!.forEach((loss, i) => {
    if (!(Math.abs(loss - theirs[i]!) <= AGREES * theirs[i]!)) {
      throw new Error(`bench/train: the losses of the engines differ: ${ours} and ${theirs}`);
    }
  });
}

function summary(config: StepConfig, answers: ReadonlyMap<string, readonly RoundAnswer[]>, peak: number) {
  const flops = stepFlops(config);
  const tokens = config.batch * config.length;
  const engines = [...answers].map(([name, rounds]) => ({
    engine: name,
    step_ms: spread(rounds.map(({ wallMs }) => wallMs)),
    cpu_ms: spread(rounds.map(({ cpuMs }) => cpuMs)),
    "tokens/s": spread(rounds.map(({ wallMs }) => (1000 * tokens) / wallMs)),
    utilisation: spread(rounds.map(({ wallMs }) => flops / wallMs / 1e6 / peak)),
    "peak RSS MiB": Math.round(Math.max(...rounds.map(({ peakMiB }) => peakMiB))),
  }));
  const [ours, theirs] = [answers.get("upnext")!, answers.get("PyTorch")];
  const ratio = (of: (answer: RoundAnswer) => number) =>
    theirs && spread(theirs.map((answer, round) => of(answer) / of(ours[round]!)));
  return {
    "GFLOP a step": rounded(flops / 1e9),
    "peak GFLOP/s": rounded(peak),
    ...(theirs && { speed: ratio(({ wallMs }) => wallMs), "speed by CPU time": ratio(({ cpuMs }) => cpuMs) }),
    engines,
  };
}

/** A process that answers one line of JSON with another. */
interface Engine {
  ask<Answer>(question: object): Promise<Answer>;
  close(): Promise<void>;
}

/** `serve` of a file of this folder, in a process of its own. */
function engine(file: string, config: StepConfig): Engine {
  const jiti = import.meta.resolve("jiti");
  const script = `
    import { createJiti } from ${JSON.stringify(jiti)};
    const { serve } = await createJiti(${JSON.stringify(import.meta.url)}).import(${JSON.stringify(join(import.meta.dirname, file))});
    await serve();
  `;
  return talk(spawn(process.execPath, ["--input-type=module", "--eval", script], PIPES), config);
}

function peer(python: string, config: StepConfig): Engine {
  return talk(spawn(python, [join(import.meta.dirname, "peers", "train_step.py")], PIPES), config);
}

const PIPES = { stdio: ["pipe", "pipe", "inherit"] as ["pipe", "pipe", "inherit"] };

function talk(child: ChildProcess, config: StepConfig): Engine {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const say = (line: object): void => {
    child.stdin!.write(`${JSON.stringify(line)}\n`);
  };
  say(config);
  return {
    async ask<Answer>(question: object): Promise<Answer> {
      say(question);
      const { value, done } = await lines.next();
      if (done) throw new Error("bench/train: an engine has ended, see its message");
      return JSON.parse(value) as Answer;
    },
    async close() {
      child.stdin!.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
