/**
 * A configuration with its types; every key may be left out. `upnext init` writes one with all defaults. Pass this one
 * with `--config examples/upnext.config.ts`, or copy it to where you run upnext.
 */
import { defineConfig } from "upnext";

const { UPNEXT_KEY } = process.env;

export default defineConfig({
  directory: "../.upnext-example",

  server: {
    port: 8081,
    // One key for the application, where the environment has one. Never write a key itself into a file.
    apiKeys: UPNEXT_KEY ? [{ name: "application", key: UPNEXT_KEY, scopes: ["read", "write"] }] : [],
  },

  // An answer that would take longer takes a shortcut and says which.
  budgetMs: 30,

  // Half as many candidates: cheaper, and less for the ranker to choose from.
  retrieval: { candidates: 250, perSource: 250 },

  // Likes, shares and purchases count as much as taking an item at all.
  ranking: { headWeights: { engage: 1, approve: 1, "long-watch": 0.3 } },

  policy: { maxPerCreator: 2, diversity: 0.2 },
});
