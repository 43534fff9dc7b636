declare module "dynalite" {
  import type { Server } from "node:http";
  /** @param options.createTableMs how long a table is in the making */
  function dynalite(options: { readonly createTableMs?: number }): Server;
  export = dynalite;
}
