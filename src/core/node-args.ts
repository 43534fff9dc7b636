/** How another process of Node runs a file of ours: compiled where the caller is compiled, by jiti where it is not. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * Arguments with which Node runs a file; the file's own ones are to follow.
 *
 * @param here the URL of the module that asks
 * @param name of a file beside it, without its ending
 */
export function nodeArgs(here: string, name: string): readonly string[] {
  if (!here.endsWith(".ts")) return [fileURLToPath(new URL(`./${name}.js`, here))];
  const jiti = createRequire(here).resolve("jiti");
  const source = new URL(`./${name}.ts`, here).href;
  const script = `require(${JSON.stringify(jiti)}).createJiti(${JSON.stringify(here)}).import(${JSON.stringify(source)})`;
  return ["--input-type=commonjs", "--eval", script, "--"];
}
