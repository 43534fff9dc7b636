/** Builds the console into dist/console, which the server reads. `npm run build` does it where it is stale. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/console/",
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist/console",
    emptyOutDir: true,
    target: "es2022",
    // Script in the page itself, and data in place of files, the page's policy forbids.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
});
