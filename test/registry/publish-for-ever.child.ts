/** For a child process that is killed in the middle of its work. Prints the id of each bundle once it is published. */
import { type EpochMs, type Offset, systemClock } from "../../src/core/index.ts";
import { openFileRegistry } from "../../src/registry/index.ts";

export async function publishForEver(directory: string, firstSeed: number): Promise<never> {
  const registry = await openFileRegistry(directory, { clock: systemClock });
  for (let seed = firstSeed; ; seed++) {
    const about = { createdAt: seed as EpochMs, logOffset: 0 as Offset, seed, itemCount: 0, fingerprint: "" };
    const id = await registry.publish(
      { ...about, config: null, metrics: null },
      { "a.bin": new Uint8Array(200_000).fill(seed), "deep/b.bin": new Uint8Array(200_000).fill(seed + 1) },
    );
    process.stdout.write(`${id}\n`);
  }
}
