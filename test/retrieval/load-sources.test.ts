import { describe, expect, it } from "vitest";
import {
  closeSources,
  countOf,
  encodeAll,
  loadSources,
  retrieveAll,
  type Source,
} from "../../src/retrieval/index.ts";
import { popular } from "../../src/retrieval/popular.ts";
import { checkerboardCatalog, queryOver } from "./checkerboard.ts";
import { coloursWith } from "./colours.ts";

const FITTED = { colours: { taken: Float32Array.of(1, 1, 1, 1) } };

describe("loaded sources", () => {
  it("are open until they are closed", async () => {
    const colours = coloursWith(async () => {});
    const loaded = await loadSources([colours, popular], FITTED, checkerboardCatalog());
    expect(colours.open).toBe(1);
    await closeSources(loaded);
    expect(colours.open).toBe(0);
  });

  it("are none, and none is open, where one of them cannot be loaded", async () => {
    const colours = coloursWith(async () => {});
    const broken: Source = { ...popular, load: () => Promise.reject(new Error("broken on purpose")) };
    const loading = loadSources([colours, broken], FITTED, checkerboardCatalog());
    await expect(loading).rejects.toThrow("broken on purpose");
    expect(colours.open).toBe(0);
  });

  it("encode a user each under its name, nobody without touches, and fail where one fails", async () => {
    const colours = coloursWith(async () => {});
    const loaded = await loadSources([popular, colours], FITTED, checkerboardCatalog());
    expect(await encodeAll(loaded, queryOver([2, 1]))).toEqual({
      colours: Float32Array.of(1, Math.fround(0.9)),
    });
    expect(await encodeAll(loaded, queryOver([]))).toEqual({});
    const failing = coloursWith(() => Promise.reject(new Error("broken on purpose")));
    const broken = await loadSources([failing], FITTED, checkerboardCatalog());
    await expect(encodeAll(broken, queryOver([2]))).rejects.toThrow("broken on purpose");
  });

  it("are asked for as many as they are deep, and all alike about somebody without a history", async () => {
    const catalog = checkerboardCatalog();
    const shallow: Source = { ...popular, depth: 0.25 };
    const [source] = await loadSources([shallow], {}, catalog);
    expect(countOf(source!, queryOver([1]), 10)).toBe(3);
    expect(countOf(source!, queryOver([]), 10)).toBe(10);
    const found = (items: number[]) => retrieveAll([source!], queryOver(items), 4)[0]!.retrieved!.rows.length;
    expect([found([1]), found([])]).toEqual([1, 4]);
  });
});
