export { openSnapshots, type SnapshotsOptions } from "./open-snapshots.ts";
export type { Snapshot, SnapshotParts, Snapshots, Wanted } from "./snapshots.ts";
