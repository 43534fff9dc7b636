/** A catalog that was written out and made again is the same catalog, and goes on as if nothing had been. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Catalog,
  catalogDigest,
  createCatalog,
  forgetInImage,
  restoreCatalog,
} from "../../src/catalog/index.ts";
import type { EpochMs, Offset, UserId } from "../../src/core/index.ts";
import type { LoggedEvent, StoredEvent } from "../../src/events/index.ts";
import { anyEvents, catalogOf, manyItems, USERS } from "./any-events.ts";

async function* stream(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
}

const restored = (catalog: Catalog) => restoreCatalog(stream(catalog.image().chunks()));

/** New facts of every user, and an erasure of one. */
function userFacts(n: number): LoggedEvent[] {
  const events = USERS.map((user, i) => ({
    kind: "user",
    id: `f${n}-${i}`,
    user,
    time: n * 10,
    facts: { n },
  }));
  const erasure = { kind: "erasure", id: `x${n}`, user: USERS[0], time: n * 10 };
  return [...events, erasure].map((event) => ({ offset: 0 as Offset, event: event as StoredEvent }));
}

/** Everything that a catalog says, also what the digest leaves out. */
function toldBy(catalog: Catalog) {
  const rows = Array.from({ length: catalog.size }, (_, row) => row);
  return {
    digest: catalogDigest(catalog, USERS as UserId[]),
    applied: catalog.applied,
    erasures: new Map(catalog.erasures),
    erasedThrough: catalog.erasedThrough,
    factsVersion: catalog.items.changes.version,
    rows: rows.map((row) => catalog.rowOf(catalog.idOf(row))),
    facts: rows.map((row) => [catalog.hasFacts(row), catalog.factsOf(row)]),
    heat: catalog.statistics.heat.slice(0, catalog.size),
    users: USERS.map((user) => catalog.userFacts(user as UserId)),
  };
}

describe("a catalog's image", () => {
  it("restored anywhere in a log and gone on with says what folding the whole log says, to the bit", async () => {
    await fc.assert(
      fc.asyncProperty(anyEvents, fc.nat(60), fc.nat(60), async (events, first, second) => {
        const early = catalogOf(events.slice(0, first));
        const halfway = await restored(early);
        expect(toldBy(halfway)).toEqual(toldBy(early));
        halfway.apply(events.slice(0, first + second));
        const again = await restored(halfway);
        again.apply(events);
        expect(toldBy(again)).toEqual(toldBy(catalogOf(events)));
      }),
      { numRuns: 200 },
    );
  });

  it("is of the moment at which it was asked for, whatever is applied while its chunks are taken", async () => {
    const events = manyItems(1800);
    const before = [...events, ...userFacts(0)].map(({ event }, i) => ({ offset: i as Offset, event }));
    const catalog = catalogOf(before);
    const expected = toldBy(catalog);
    const image = catalog.image();
    expect(image.offset).toBe(before.length);
    const taken: Buffer[] = [];
    for (const chunk of image.chunks()) {
      // Every row, and every user, and then new rows.
      for (const { event } of [...manyItems(2500, `again ${taken.length}`), ...userFacts(taken.length + 1)]) {
        catalog.apply([{ offset: catalog.applied, event }]);
      }
      taken.push(chunk);
    }
    expect(taken.length).toBeGreaterThan(8);
    expect(toldBy(await restoreCatalog(stream(taken)))).toEqual(expected);
  }, 30_000);

  it("of an empty catalog is that of an empty catalog, and takes the first event", async () => {
    const catalog = await restored(createCatalog());
    expect(toldBy(catalog)).toEqual(toldBy(createCatalog()));
    expect([catalog.statistics.newest, catalog.size]).toEqual([-Infinity, 0]);
    const events = manyItems(2000);
    catalog.apply(events);
    expect(toldBy(catalog)).toEqual(toldBy(catalogOf(events)));
  });

  it("larger than a chunk of any section comes back, and grows on past its capacity", async () => {
    const described = manyItems(6000).slice(0, 12_000);
    const bare = Array.from({ length: 130_000 }, (_, i): LoggedEvent => {
      const { event } = described[1]!;
      return { offset: (12_000 + i) as Offset, event: { ...event, item: `bare-${i}` } as StoredEvent };
    });
    const whole = catalogOf([...described, ...bare]);
    const again = await restored(catalogOf([...described, ...bare.slice(0, -1)]));
    expect(again.size).toBeGreaterThan(131_072);
    again.apply(bare.slice(-2));
    expect(catalogDigest(again)).toBe(catalogDigest(whole));
  }, 30_000);

  it("holds category lists without the waste between them", async () => {
    const events = manyItems(500);
    const item = events[0]!.event;
    const catalog = catalogOf(events);
    for (let i = 0; i < 1500; i++) {
      if (item.kind !== "item") throw new Error("the first event is an item");
      const facts = { categories: [`w${i % 3}`, `v${i % 5}`] };
      catalog.apply([{ offset: catalog.applied, event: { ...item, facts } }]);
    }
    const again = await restored(catalog);
    expect(toldBy(again)).toEqual(toldBy(catalog));
    expect(again.items.categories.length).toBeLessThan(catalog.items.categories.length);
  });

  it("is refused when a chunk is missing, comes twice, in another place, or is cut off", async () => {
    const chunks = [...catalogOf(manyItems(9000)).image().chunks()];
    const sections = new Set(chunks.map((chunk) => chunk[0]));
    expect(sections.size).toBeGreaterThan(6);
    const refused = async (changed: readonly Buffer[]) =>
      expect(await restoreCatalog(stream(changed)).catch((error: unknown) => error)).toBeInstanceOf(
        RangeError,
      );
    const columns = chunks.filter((chunk) => chunk[0]! <= 2 || chunk[0]! === 5 || chunk[0]! === 6);
    for (const chunk of columns) {
      const at = chunks.indexOf(chunk);
      await refused(chunks.toSpliced(at, 1));
      await refused(chunks.toSpliced(at, 0, chunk));
      await refused(chunks.with(at, chunk.subarray(0, chunk.length - 1)));
      await refused(chunks.with(at, Buffer.concat([Buffer.from([99]), chunk.subarray(1)])));
    }
    await refused([...chunks].reverse());
    await refused([]);
    await refused([Buffer.alloc(0)]);
  });

  it("is refused when it is of another form, or of counters with other half-lives", async () => {
    const [head, ...rest] = [...createCatalog().image().chunks()];
    const said = JSON.parse(head!.toString("utf8", 1));
    const changed = (more: object) =>
      restoreCatalog(stream([Buffer.from(`\0${JSON.stringify({ ...said, ...more })}`), ...rest]));
    await expect(changed({})).resolves.toBeDefined();
    await expect(changed({ form: 1 })).rejects.toThrow("expected a catalog's image of form 2, got 1");
    await expect(changed({ tallies: ["click"] })).rejects.toThrow("counts of click, play");
    await expect(changed({ halfLives: [1, 7] })).rejects.toThrow(
      "half-lives of 1, 7, 30, 1, 7 days, got 1,7",
    );
  });
});

describe("forgetting in an image", () => {
  it("takes the facts at or before the erasure of each user, and leaves everything else", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyEvents,
        fc.dictionary(fc.constantFrom(...USERS), fc.nat(90)),
        async (events, days) => {
          const erasures = new Map(
            Object.entries(days).map(([user, day]) => [user as UserId, day * 86_400_001]),
          );
          const catalog = catalogOf(events);
          const chunks = [...catalog.image().chunks()];
          const forgotten = chunks.map((chunk) => forgetInImage(chunk, erasures) ?? chunk);
          for (const chunk of forgotten) expect(forgetInImage(chunk, erasures)).toBeUndefined();
          const got = toldBy(await restoreCatalog(stream(forgotten)));
          const applied = catalogOf(events);
          for (const [user, time] of erasures) {
            const offset = applied.applied;
            applied.apply([
              { offset, event: { kind: "erasure", id: `x${offset}`, user, time: time as EpochMs } as never },
            ]);
          }
          expect(got.users).toEqual(toldBy(applied).users);
          const { users: _, digest: __, ...rest } = toldBy(catalog);
          expect(got).toMatchObject(rest);
          expect(chunks.some((chunk) => forgetInImage(chunk, erasures) !== undefined)).toBe(
            toldBy(catalog).users.filter((facts) => facts).length > got.users.filter((facts) => facts).length,
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});
