/** Once before all tests: the WebAssembly kernels, which sources and scorers load. Nothing to do where they are fresh. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL("../scripts/build-kernels.mjs", import.meta.url))], {
    stdio: "inherit",
  });
}
