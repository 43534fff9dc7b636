export { type GateParts, gate } from "./gate.ts";
export { CHECKS, type CheckName, type GateCheck, type GateReport, refusals } from "./gate-report.ts";
export { judgeByLog, type OffPolicyReport } from "./off-policy.ts";
export { release, rollback } from "./release.ts";
export { type Release, releases } from "./releases.ts";
