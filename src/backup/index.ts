export { type BackupOptions, type BackupReport, backup } from "./backup.ts";
export { erasureLines, erasuresOf } from "./erasures.ts";
export { type RestoreOptions, type RestoreReport, restore } from "./restore.ts";
