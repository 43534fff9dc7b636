export { defineConfig, type ResolvedConfig, resolveConfig, type UpnextConfig } from "./config.ts";
export { CONFIG_FILES, type LoadedConfig, loadConfig } from "./load-config.ts";
