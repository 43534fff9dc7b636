/** Tests that use the WebAssembly kernels build them first; nothing happens where they are up to date. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export function buildKernels(): void {
  execFileSync(process.execPath, [
    fileURLToPath(new URL("../../scripts/build-kernels.mjs", import.meta.url)),
  ]);
}
