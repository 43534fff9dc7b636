export { defineConfig, type ResolvedConfig, resolveConfig, type UpnextConfig } from "./config.ts";
export { CONFIG_FILES, type LoadedConfig, loadConfig } from "./load-config.ts";
export { dynamodb, redis, redisCluster, statePlaceOf } from "./state-stores.ts";
