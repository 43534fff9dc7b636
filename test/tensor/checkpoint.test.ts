/** Checkpoints: a training that goes on ends as one that was never stopped; what is no checkpoint is refused. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/tensor/checkpoint.ts";
import { readCheckpoint, type Training, writeCheckpoint } from "../../src/tensor/index.ts";
import { openTraining, type TrainOptions, trainTo } from "./train.child.ts";

const CHILD = fileURLToPath(new URL("train.child.ts", import.meta.url));

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "upnext-checkpoint-"));
});
afterEach(() => rm(home, { recursive: true }));

/** What `use` makes of a training, which is closed after it. */
async function using<T>(options: TrainOptions, use: (training: Training) => T | Promise<T>): Promise<T> {
  const training = await openTraining(options);
  try {
    return await use(training);
  } finally {
    await training.close();
  }
}

/** A snapshot after that many steps without a stop. */
function straight(steps: number, options: TrainOptions = {}): Promise<Uint8Array> {
  return using(options, async (training) => {
    await trainTo(training, steps);
    return training.snapshot();
  });
}

describe("a training that goes on from a snapshot", () => {
  for (const threads of [1, 2]) {
    test(`ends with the same bits as one that was not stopped, with ${threads} threads`, async () => {
      const whole = await using({ threads }, async (training) => {
        const rates = await trainTo(training, 10).then(() => training.averagedWeights());
        return { averages: rates, weights: training.weights(), snapshot: training.snapshot() };
      });
      const half = await using({ threads }, async (training) => {
        // The rates of a schedule over 10 steps, as above, stopped by an error after the fifth.
        const stop = async (): Promise<void> => {
          if (training.steps === 5) throw new Error("stop");
        };
        await expect(trainTo(training, 10, stop)).rejects.toThrow("stop");
        return training.snapshot();
      });
      await using({ threads }, async (training) => {
        training.restore(half);
        expect(training.steps).toBe(5);
        await trainTo(training, 10);
        expect(training.weights()).toEqual(whole.weights);
        expect(training.averagedWeights()).toEqual(whole.averages);
        expect(Buffer.compare(training.snapshot(), whole.snapshot)).toBe(0);
      });
    });
  }

  test("may itself be ahead: restoring goes back", async () => {
    const [at3, at6] = [await straight(3), await straight(6)];
    await using({}, async (training) => {
      training.restore(at6);
      training.restore(at3);
      expect(training.snapshot()).toEqual(at3);
    });
  });

  test("finds the notes that were kept beside it", async () => {
    const notes = {
      facts: { epoch: 3, best: 0.25, left: [1, 2] },
      weights: { best: Float32Array.of(1, 2.5), items: new Float32Array(0) },
    };
    const snapshot = await using({}, (training) => training.snapshot(notes));
    await using({}, (training) => {
      expect(training.restore(snapshot)).toEqual(notes);
      expect(training.restore(training.snapshot())).toEqual({ facts: null, weights: {} });
    });
  });

  test("is refused with another seed, other averages or other tables, and nothing is changed", async () => {
    const snapshot = await straight(2);
    for (const [options, message] of [
      [{ seed: "another" }, /expected seed \d+, came \d+; go on with the model and the settings/],
      [{ decay: 0.9 }, /expected averaging 0.9, came 0.99/],
      [{ rows: 60 }, /expected slot\/items \[60, 8\], came slot\/items \[50, 8\]/],
    ] as const) {
      await using(options, (training) => {
        const before = training.snapshot();
        expect(() => training.restore(snapshot)).toThrow(message);
        expect(training.snapshot()).toEqual(before);
      });
    }
    const other = encodeCheckpoint({ facts: null, arrays: {} });
    await using({}, (training) => {
      expect(() => training.restore(other)).toThrow(
        expect.objectContaining({ code: "checkpoint_incompatible" }),
      );
    });
  });
});

/** Trains to step 60 in a process of its own, killed `patience` ms after it says what `mark` is. */
async function trainInChild(path: string, mark: string, patience?: number): Promise<void> {
  const script = `
    import { createJiti } from "jiti";
    const child = await createJiti(${JSON.stringify(import.meta.url)}).import(${JSON.stringify(CHILD)});
    await child.trainWithCheckpoints(${JSON.stringify(path)}, 60);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", async (chunk: Buffer) => {
    const before = output;
    output += chunk.toString();
    if (patience === undefined || before.includes(mark) || !output.includes(mark)) return;
    await sleep(patience);
    child.kill("SIGKILL");
  });
  await Promise.all([once(child, "exit"), once(child.stdout, "end")]);
  expect(output).toContain(mark);
}

test("a training killed at any moment, and started again, ends with the same bits", async () => {
  const path = join(home, "checkpoints", "run.checkpoint");
  const random = new Random("kills");
  await trainInChild(path, "written 3\n", 0);
  await trainInChild(path, "open", random.int(30));
  await trainInChild(path, "open", 10 + random.int(30));
  await trainInChild(path, "written 60\n");
  expect(Buffer.compare((await readCheckpoint(path))!, await straight(60))).toBe(0);
});

describe("a checkpoint file", () => {
  const checkpoint = {
    facts: { text: "é", number: 0.1, nothing: null },
    arrays: {
      matrix: { shape: [2, 3], data: Float32Array.of(1, -0, Number.NaN, Infinity, 1e-40, 3.5) },
      none: { shape: [0, 4], data: new Float32Array(0) },
      scalar: { shape: [], data: Float32Array.of(7) },
      // A view into a larger buffer.
      part: { shape: [2], data: new Float32Array([0, 1, 2, 3]).subarray(1, 3) },
    },
  };

  test("holds what was put in, at any place in memory", () => {
    const bytes = encodeCheckpoint(checkpoint);
    expect(decodeCheckpoint(bytes)).toEqual(checkpoint);
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    expect(decodeCheckpoint(moved.subarray(1))).toEqual(checkpoint);
    expect(encodeCheckpoint(decodeCheckpoint(bytes))).toEqual(bytes);
  });

  test("is refused where it is cut off, at every length", () => {
    const bytes = encodeCheckpoint(checkpoint);
    for (let length = 0; length < bytes.length; length++) {
      const cut = (): unknown => decodeCheckpoint(bytes.subarray(0, length));
      expect(cut).toThrow(expect.objectContaining({ code: "checkpoint_corrupt" }));
    }
    expect(() => decodeCheckpoint(bytes.subarray(0, 100))).toThrow(
      `checkpoint: expected ${bytes.length} bytes, came 100: it is cut off; remove the file to start the training anew`,
    );
    expect(() => decodeCheckpoint(bytes.subarray(0, 20))).toThrow(/expected 32 bytes at least, came 20/);
    expect(() => decodeCheckpoint(Buffer.concat([bytes, bytes]))).toThrow(/something was appended/);
  });

  test("is refused where any byte is another", () => {
    const bytes = encodeCheckpoint(checkpoint);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 1;
      expect(() => decodeCheckpoint(changed), `byte ${at}`).toThrow(/^checkpoint: expected/);
    }
  });

  test("is refused where it is a file of another kind or version", () => {
    expect(() => decodeCheckpoint(Buffer.from('{"name": "upnext"}\n'))).toThrow(
      'checkpoint: expected a file that begins with UPNEXTCK, came 19 bytes that begin with "{\\"name\\":";',
    );
    expect(() => decodeCheckpoint(new Uint8Array(0))).toThrow(/came 0 bytes that begin with ""/);
    const newer = encodeCheckpoint(checkpoint);
    newer[8] = 2;
    expect(() => decodeCheckpoint(newer)).toThrow(
      expect.objectContaining({
        code: "checkpoint_incompatible",
        message: expect.stringMatching(/expected version 1, came 2/),
      }),
    );
  });

  test("replaces the one before, in folders that it makes, and leaves nothing beside it", async () => {
    const path = join(home, "a", "b", "run.checkpoint");
    expect(await readCheckpoint(path)).toBeUndefined();
    await writeCheckpoint(path, Uint8Array.of(1, 2, 3));
    // What a killed writer leaves.
    await writeFile(`${path}.partial`, "a longer text that was half written");
    await writeCheckpoint(path, Uint8Array.of(4, 5));
    expect(new Uint8Array(await readFile(path))).toEqual(Uint8Array.of(4, 5));
    expect(new Uint8Array((await readCheckpoint(path))!)).toEqual(Uint8Array.of(4, 5));
    expect(await readdir(join(home, "a", "b"))).toEqual(["run.checkpoint"]);
    await expect(readCheckpoint(home)).rejects.toThrow(/EISDIR/);
  });
});
