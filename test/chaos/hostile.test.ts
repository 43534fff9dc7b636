import { describe, expect, it } from "vitest";
import { run } from "../../chaos/hostile.ts";
import { hostileCase } from "../../chaos/parts/hostile-cases.ts";

describe("npm run chaos -- hostile", () => {
  it("makes the same requests from the same seed, and others from another", () => {
    expect(hostileCase(1, 7)).toEqual(hostileCase(1, 7));
    expect(hostileCase(1, 7)).not.toEqual(hostileCase(2, 7));
  });

  it("gets no 5xx for 200 of them, and the server goes on", { timeout: 60_000 }, async () => {
    const { broken, figures } = await run(["--cases", "200"]);
    // How long the loop stands still says something on a machine of its own alone.
    expect(broken.filter((promise) => !promise.startsWith("longest stop"))).toEqual([]);
    const statuses = figures["statuses"] as Record<string, number>;
    expect(statuses["400"]).toBeGreaterThan(40);
    expect(statuses["200"]).toBeGreaterThan(5);
  });
});
