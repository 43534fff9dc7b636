// Loaded into `upnext serve` with --import: gives the compiled package one source more.
import { createJiti } from "jiti";
import { SOURCES } from "../../dist/retrieval/index.js";

const { vmisKnn } = await createJiti(import.meta.url).import("./vmis-knn.ts");
SOURCES.push(vmisKnn);
