/** The simulated platforms that are served under load, and how their bundles are made. */
import type { UpnextConfig } from "../../src/upnext.ts";
import type { Fitting, PlatformSize } from "./platform.ts";

export const SIZES: Readonly<Record<string, PlatformSize>> = {
  small: { videos: 2_000, users: 1_000, events: 30_000 },
  "10k": { videos: 10_000, users: 10_000, events: 300_000 },
  "100k": { videos: 100_000, users: 100_000, events: 600_000 },
  "1m": { videos: 1_000_000, users: 20_000, events: 500_000 },
};

/** What a request costs does not depend on how well the student was trained; but an encoder that had no time is none. */
export const FITTING: Fitting = { rung: "student", maxLists: 300, timeBudget: 240_000 };

export const CONFIG: UpnextConfig = { training: { holdOut: 0 } };
