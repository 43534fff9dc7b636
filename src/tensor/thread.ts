/** A thread that runs a file of this folder: compiled where this file is compiled, by jiti where it is not. */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

/** @param name of the file, without its ending */
export function startThread(name: string, workerData: object): Worker {
  const here = import.meta.url;
  if (!here.endsWith(".ts")) return new Worker(new URL(`./${name}.js`, here), { workerData });
  const jiti = createRequire(here).resolve("jiti");
  const source = new URL(`./${name}.ts`, here).href;
  const script = `require(${JSON.stringify(jiti)}).createJiti(${JSON.stringify(here)}).import(${JSON.stringify(source)})`;
  // Without the flags of this process, of which some say that a script is a module.
  return new Worker(script, { eval: true, execArgv: [], workerData });
}
