export { Admission, type AdmissionFigures, type Rejection } from "./admission.ts";
export type { Lane } from "./lanes.ts";
export { addAdmissionSteps, sendOverloaded } from "./steps.ts";
