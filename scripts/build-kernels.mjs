// Compiles src/tensor/assembly to build/kernels.wasm, which src/tensor/kernels.ts loads. Nothing to do when the
// binary is newer than every source: then the compiler is not even imported.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const assembly = join(root, "src", "tensor", "assembly");
const output = join(root, "build", "kernels.wasm");

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const sources = readdirSync(assembly)
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(assembly, name));
const newest = Math.max(
  modified(fileURLToPath(import.meta.url)),
  modified(assembly),
  ...sources.map(modified),
);

if (modified(output) <= newest) {
  const { default: asc } = await import("assemblyscript/asc");
  mkdirSync(dirname(output), { recursive: true });
  // Compiled beside and renamed: a process that loads or builds at the same time never sees half a file.
  const temporary = `${output}.${process.pid}`;
  const { error, stderr } = await asc.main([
    join("src", "tensor", "assembly", "kernels.ts"),
    ...["--baseDir", root, "--outFile", join("build", `kernels.wasm.${process.pid}`)],
    ...["-O3", "--noAssert", "--enable", "simd", "--runtime", "stub", "--initialMemory", "1"],
  ]);
  if (error) {
    rmSync(temporary, { force: true });
    console.error(
      `build-kernels: the WebAssembly kernels did not compile\n${stderr.toString()}${error.message}`,
    );
    process.exit(1);
  }
  renameSync(temporary, output);
}
