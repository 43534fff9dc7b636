export {
  type AlsFactors,
  type AlsFoldIn,
  type AlsFoldInOptions,
  type AlsOptions,
  alsFoldIn,
  fitAls,
} from "./als-kernel.ts";
export { type DotRows, dotRows } from "./dot-rows.ts";
