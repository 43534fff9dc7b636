/** What is DynamoDB's alone: what is asked of the table, what lies in it, and what happens when it is slow, busy or gone. */
import { text } from "node:stream/consumers";
import { type AttributeValue, DynamoDB } from "@aws-sdk/client-dynamodb";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ManualClock, type Ms } from "../../src/core/index.ts";
import { kindOf, partitionOf, timeOf, touchOfRow, touchRow, userOf } from "../../src/state/dynamodb-rows.ts";
import {
  DEFAULT_LIMITS,
  type DynamoDbPlace,
  emptyState,
  memoryStore,
  openDynamoDbStore,
  type StateStore,
  type StateStoreOptions,
  setupDynamoDb,
  stateDigest,
  type Touch,
} from "../../src/state/index.ts";
import { newestFirst } from "../../src/state/merge-touches.ts";
import { type DynamoDbServer, dynamoDbServer } from "../servers/dynamodb.ts";
import { anyTouch, at, erasure, interaction, logged, model, touch, user } from "./touches.ts";

type Place = DynamoDbPlace & { readonly table: string };

const limits = { touches: 4, vetoes: 2 };
const u1 = user("u1");

let server: DynamoDbServer;
let client: DynamoDB;
beforeAll(async () => {
  server = await dynamoDbServer();
  client = new DynamoDB({ region: "us-east-1", endpoint: server.endpoint });
});
afterEach(() => {
  server.fault = undefined;
});
afterAll(async () => {
  client.destroy();
  await server.stop();
});

const put = (store: StateStore, ...touches: Touch[]) => store.write([{ user: u1, touches }]);
const range = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));

/** Runs `body` with a store in a new table, and closes it. */
async function withStore(
  options: StateStoreOptions,
  body: (store: StateStore, place: Place) => Promise<void>,
): Promise<void> {
  const place = await server.newTable();
  const store = await openDynamoDbStore(place, options);
  try {
    await body(store, place);
  } finally {
    await store.close();
  }
}

/** Everything that lies in the table except for the store's own row. */
async function rowsOf({ table }: Place): Promise<Record<string, AttributeValue>[]> {
  const rows: Record<string, AttributeValue>[] = [];
  let start: Record<string, AttributeValue> | undefined;
  do {
    const page = await client.scan({ TableName: table, ExclusiveStartKey: start });
    rows.push(...(page.Items ?? []));
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
  return rows.filter((row) => userOf(row["u"]!.B!) !== undefined);
}

const timesOf = (rows: readonly Record<string, AttributeValue>[]) =>
  rows.filter((row) => kindOf(row) < 3).map(timeOf);

/** Waits for what a store does beside its calls. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error("it did not become so within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("a row of the DynamoDB store", () => {
  const anyText = fc
    .array(
      fc.oneof(
        fc.constantFrom(0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdfff, 0xe000, 0xffff),
        fc.nat(0xffff),
      ),
      {
        maxLength: 256,
      },
    )
    .map((units) => String.fromCharCode(...units));
  const number = fc
    .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer())
    .map((value) => value + 0);
  const touchOf = fc
    .record({
      one: anyTouch,
      id: anyText,
      item: anyText,
      time: number,
      value: fc.option(number, { nil: Number.NaN }),
    })
    .map(({ one, id, item, time, value }) => {
      // An item has no control characters: a row has one between item and surface.
      const { type, surface } = one;
      return touch(id, time, { item: item.replaceAll("\0", " "), type, value, surface });
    });

  it("gives back any touch and any user", () => {
    fc.assert(
      fc.property(touchOf, anyText, (one, name) => {
        const partition = partitionOf(user(name));
        expect(userOf(partition)).toBe(name);
        expect(partition.length).toBeLessThanOrEqual(2048);
        const row = touchRow(partition, one, limits);
        expect(touchOfRow(row)).toEqual(one);
        expect(row["k"]!.B!.length).toBeLessThanOrEqual(1024);
      }),
    );
  });

  it("has a key, and for equal names a content, whose order as bytes is that of the state", () => {
    const alike = fc
      .tuple(touchOf, touchOf)
      .map(([a, b]) => ({ ...b, id: a.id, time: a.time, type: a.type, a }));
    const bytes = (one: Touch, names: string) => {
      const row = touchRow(partitionOf(u1), one, limits);
      return names.split("").map((name) => Buffer.from(row[name]!.B!));
    };
    const compare = (a: Buffer[], b: Buffer[]) => a.reduce((found, one, i) => found || one.compare(b[i]!), 0);
    fc.assert(
      fc.property(touchOf, touchOf, alike, (a, b, { a: twin, ...other }) => {
        fc.pre(kindOf(touchRow(partitionOf(u1), a, limits)) === kindOf(touchRow(partitionOf(u1), b, limits)));
        for (const [x, y] of [
          [a, b],
          [twin, other],
        ] as const) {
          const greater = newestFirst([x, y])[0];
          const order = compare(bytes(x, "kiw"), bytes(y, "kiw"));
          if (order !== 0) expect(greater).toEqual(order > 0 ? x : y);
          else expect(x).toEqual(y);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("a read of the DynamoDB store", () => {
  it("is one Query: of nobody, of a full state, and with some rows too many", () =>
    withStore({ limits: { touches: 40, vetoes: 10 } }, async (store) => {
      const touches = range(90, (i) => touch(`e${i}`, i, { type: i % 3 === 0 ? "hide" : "watch" }));
      const asked: string[] = [];
      server.fault = (operation, request) => {
        if (operation === "Query") request.on("data", (chunk) => asked.push(String(chunk)));
        return false;
      };
      for (const written of [0, 40, 90]) {
        await put(store, ...touches.slice(0, written));
        server.requests.length = 0;
        expect(await store.read(u1)).toEqual(model("u1", touches.slice(0, written), [], store.limits));
        expect(server.requests.filter((operation) => operation !== "BatchWriteItem")).toEqual(["Query"]);
        expect(JSON.parse(asked.at(-1)!)).toMatchObject({ ConsistentRead: true, ScanIndexForward: false });
      }
    }));

  it("goes on where a page of 1 MB ends before the state does", () =>
    withStore({ limits: { touches: 50, vetoes: 50 } }, async (store) => {
      const item = "字".repeat(8_000);
      const touches = range(100, (i) => touch(`e${i}`, i, { item, type: i % 2 === 0 ? "block" : "like" }));
      await put(store, ...touches);
      server.requests.length = 0;
      const state = await store.read(u1);
      expect(server.requests).toEqual(["Query", "Query", "Query"]);
      expect([state.touches.length, state.vetoes.length]).toEqual([50, 50]);
      expect(state).toEqual(model("u1", touches, [], store.limits));
    }));

  it("waits for its turn where a hundred are asked for at once", () =>
    withStore({ limits, clock: new ManualClock() }, async (store) => {
      let asked = 0;
      let most = 0;
      server.fault = (_, __, response) => {
        most = Math.max(most, ++asked);
        setTimeout(() => {
          asked--;
          response.setHeader("content-type", "application/x-amz-json-1.0");
          response.end(JSON.stringify({ Items: [], Count: 0, ScannedCount: 0 }));
        }, 50);
        return true;
      };
      const states = await Promise.all(range(100, () => store.read(u1)));
      expect(states).toEqual(range(100, () => emptyState(u1)));
      expect(most).toBeGreaterThan(8);
      expect(most).toBeLessThanOrEqual(16);
    }));

  it("finds the touches behind any number of vetoes too many, and deletes what it has seen of those", () =>
    withStore({ limits: { touches: 200, vetoes: 200 } }, async (high, place) => {
      const touches = range(200, (i) => touch(`e${i}`, i, { type: i < 5 ? "watch" : "hide" }));
      await put(high, ...touches);
      const low = await openDynamoDbStore(place, { limits });
      server.requests.length = 0;
      expect(await low.read(u1)).toEqual(model("u1", touches, [], limits));
      expect(server.requests.filter((operation) => operation === "Query")).toHaveLength(3);
      await until(async () => (await rowsOf(place)).length === 6);
      await low.close();
    }));
});

describe("rows that no state has any more", () => {
  it("are kept within bounds by writing alone, and gone after a read", () =>
    withStore({ limits }, async (store, place) => {
      const touches = range(300, (i) => touch(`event-${i}`, i));
      let most = 0;
      for (let i = 0; i < touches.length; i += 10) {
        await Promise.all(touches.slice(i, i + 10).map((one) => put(store, one)));
        most = Math.max(most, (await rowsOf(place)).length);
      }
      expect(most).toBeLessThan(160);
      expect(most).toBeGreaterThan(limits.touches);
      for (let tries = 0; tries < 5; tries++) await store.read(u1);
      await until(async () => (await rowsOf(place)).length === limits.touches);
      expect(await store.read(u1)).toEqual(model("u1", touches, [], limits));
    }));

  it("are not even written where the batch itself pushes them out or erases them", () =>
    withStore({ limits }, async (store, place) => {
      const events = range(100, (i) => interaction("u1", touch(`e${i}`, i)));
      server.requests.length = 0;
      await store.apply(logged([...events, erasure("u1", 97)]));
      expect(server.requests.filter((operation) => operation === "PutItem")).toHaveLength(2);
      expect(timesOf(await rowsOf(place)).sort()).toEqual([98, 99]);
    }));

  it("leave the table when the user is erased, and are deleted when seen if they come later", () =>
    withStore({ limits }, async (store, place) => {
      await put(store, ...range(8, (i) => touch(`e${i}`, i, { type: i % 2 === 0 ? "hide" : "watch" })));
      await store.erase(u1, at(6));
      expect(timesOf(await rowsOf(place))).toEqual([7]);
      await put(store, touch("late", 6), touch("e7", 7));
      expect((await store.read(u1)).touches.map((one) => one.id)).toEqual(["e7"]);
      await until(async () => timesOf(await rowsOf(place)).join() === "7");
    }));

  it("are deleted by an erasure that is repeated after it broke off", () =>
    withStore({ limits }, async (store, place) => {
      await put(store, touch("a", 1));
      server.fault = (operation, _, response) =>
        operation === "BatchWriteItem" && response.destroy() !== undefined;
      await expect(store.erase(u1, at(5))).rejects.toMatchObject({ code: "store_unavailable" });
      server.fault = undefined;
      expect(await store.read(u1)).toEqual({ ...emptyState(u1), erasedAt: 5 });
      await store.erase(u1, at(5));
      expect(timesOf(await rowsOf(place))).toEqual([]);
    }));
});

describe("expiry in the DynamoDB store", () => {
  const maxAge = 10_500 as Ms;

  it("hides a touch from the moment it is too old, and tells the table when that is", async () => {
    const clock = new ManualClock(at(20_000));
    await withStore({ limits: { ...limits, maxAge }, clock }, async (store, place) => {
      await put(store, touch("a", 12_000), touch("b", 15_000, { type: "hide" }));
      const seconds = (await rowsOf(place)).map((row) => row["expires"]?.N);
      expect(seconds.sort()).toEqual(["23", "26"]);
      clock.advance(2_499);
      expect((await store.read(u1)).touches).toHaveLength(1);
      clock.advance(1);
      expect(await store.read(u1)).toMatchObject({ touches: [], vetoes: [{ id: "b" }] });
      await until(async () => timesOf(await rowsOf(place)).join() === "15000");
    });
  });

  it("does not write what is too old already, and sets no time without a maximum age", async () => {
    const clock = new ManualClock(at(20_000));
    await withStore({ limits: { ...limits, maxAge }, clock }, async (store, place) => {
      await put(store, touch("a", 9_500), touch("b", 9_501));
      expect(timesOf(await rowsOf(place))).toEqual([9_501]);
    });
    await withStore({ limits, clock }, async (store, place) => {
      await put(store, touch("a", 9_500));
      expect((await rowsOf(place)).map((row) => row["expires"])).toEqual([undefined]);
    });
  });
});

describe("the table of the DynamoDB store", () => {
  const refused = (place: DynamoDbPlace, options: StateStoreOptions, message: RegExp) =>
    expect(openDynamoDbStore(place, options)).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringMatching(message),
    });

  it("is made by setup, which may run again, and says that dynalite has no expiry", async () => {
    const place = server.newPlace();
    await refused(place, { limits }, /ResourceNotFoundException.*make the table with `upnext state setup`/);
    const { table } = place;
    expect(await setupDynamoDb(place)).toEqual({ table, made: true, expires: false });
    expect(await setupDynamoDb(place)).toEqual({ table, made: false, expires: false });
    const { Table } = await client.describeTable({ TableName: table });
    expect(Table?.BillingModeSummary?.BillingMode).toBe("PAY_PER_REQUEST");
    await (await openDynamoDbStore(place, { limits })).close();
  });

  it("has its expiry switched on by setup where the server knows that, once", async () => {
    const place = server.newPlace();
    let attribute: string | undefined;
    server.fault = (operation, request, response) => {
      if (!operation.endsWith("TimeToLive")) return false;
      void text(request).then((body) => {
        if (operation === "UpdateTimeToLive")
          attribute = JSON.parse(body).TimeToLiveSpecification.AttributeName;
        const TimeToLiveStatus = attribute === undefined ? "DISABLED" : "ENABLING";
        response.setHeader("content-type", "application/x-amz-json-1.0");
        response.end(
          JSON.stringify({ TimeToLiveDescription: { TimeToLiveStatus, AttributeName: attribute } }),
        );
      });
      return true;
    };
    server.requests.length = 0;
    expect(await setupDynamoDb(place)).toMatchObject({ made: true, expires: true });
    expect(await setupDynamoDb(place)).toMatchObject({ made: false, expires: true });
    expect(attribute).toBe("expires");
    expect(server.requests.filter((operation) => operation === "UpdateTimeToLive")).toHaveLength(1);
    attribute = "mine";
    await expect(setupDynamoDb(place)).rejects.toThrow(/expire by the attribute mine and not by expires/);
  });

  it("is refused where it is another program's", async () => {
    const other = server.newPlace();
    await client.createTable({
      TableName: other.table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    });
    await expect(setupDynamoDb(other)).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringMatching(/table of another program; name a table that nobody else uses/),
    });
    const place = await server.newTable();
    const row = { u: { B: Uint8Array.of(1, 65) }, k: { B: Uint8Array.of(9) } };
    await client.putItem({ TableName: place.table, Item: row });
    await refused(place, { limits }, /it holds rows, and the one that tells whose they are is missing/);
    const own = {
      u: { B: Uint8Array.of(0) },
      k: { B: Uint8Array.of(0) },
      facts: { S: "x" },
      applied: { N: "0" },
    };
    await client.putItem({ TableName: place.table, Item: own });
    await refused(place, { limits }, /table of another program/);
    const facts = JSON.stringify({ format: "upnext-state/99", touches: 9, vetoes: 9 });
    await client.putItem({ TableName: place.table, Item: { ...own, facts: { S: facts } } });
    await refused(
      place,
      { limits },
      /expected the format upnext-state\/1, came upnext-state\/99; delete the table/,
    );
  });

  it("has states, erasures, limits and the applied offset after it is opened again", () =>
    withStore({ limits: { touches: 8, vetoes: 2, maxAge: 1e15 as Ms } }, async (first, place) => {
      await first.apply(
        logged([interaction("u1", touch("a", 5)), erasure("u1", 2), interaction("u2", touch("b", 1))]),
      );
      const lower = { touches: 2, vetoes: 2, maxAge: 9e14 as Ms };
      const second = await openDynamoDbStore(place, { limits: lower });
      expect(second.applied).toBe(3);
      expect(await stateDigest(second)).toBe(await stateDigest(first));
      await second.close();
      await refused(
        place,
        { limits: { ...lower, touches: 3 } },
        /keeps 2 touches and 2 vetoes.* 3 and 2 are wanted/,
      );
      await refused(
        place,
        { limits: { ...lower, maxAge: 1e15 as Ms } },
        /keeps touches for 9\d+ ms and now 1\d+ ms/,
      );
      await refused(
        place,
        { limits: { touches: 2, vetoes: 2 } },
        /now no limit of their age is wanted; delete the table/,
      );
      await (await openDynamoDbStore(place, { limits: lower })).close();
    }));

  it("may be opened by many at once when it is new", async () => {
    const place = await server.newTable();
    const opened = await Promise.allSettled(
      range(6, (i) => openDynamoDbStore(place, { limits, log: `log-${i % 2}` })),
    );
    const stores = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(stores).toHaveLength(3);
    await Promise.all(stores.map((store) => store.close()));
  });

  it("lists each user once, also where a page of a scan ends within one", () =>
    withStore({ limits: { touches: 10, vetoes: 1 } }, async (store) => {
      const item = "字".repeat(2_000);
      const users = range(30, (i) => user(`u${i}`)).sort();
      await store.write(
        users.map((one) => ({
          user: one,
          touches: range(10, (i) => touch(`e${i}`, i, { item })),
        })),
      );
      server.requests.length = 0;
      const listed: string[] = [];
      for await (const one of store.users()) listed.push(one);
      expect(listed.sort()).toEqual(users);
      expect(server.requests.length).toBeGreaterThan(1);
    }));
});

describe("a DynamoDB store that lost what it held", () => {
  const log = logged([interaction("u1", touch("a", 1)), interaction("u2", touch("b", 2)), erasure("u2", 1)]);
  const lostError = {
    code: "store_lost",
    message: expect.stringMatching(/clear it and fill it again from the log/),
  };

  it("says so, and takes the log again after it was cleared", async () => {
    const clock = new ManualClock();
    await withStore({ limits, clock, log: "log-1" }, async (store, place) => {
      await store.apply(log);
      await client.deleteTable({ TableName: place.table });
      await until(async () => (await client.listTables({})).TableNames?.includes(place.table) === false);
      await expect(store.read(u1)).rejects.toMatchObject({ code: "store_unavailable" });
      await setupDynamoDb(place);
      await expect(store.read(u1)).rejects.toMatchObject(lostError);
      await expect(store.readApplied()).rejects.toMatchObject(lostError);
      await expect(store.apply(logged([interaction("u1", touch("c", 3))], 3))).rejects.toMatchObject(
        lostError,
      );
      await expect(store.skipTo(9 as never)).rejects.toMatchObject(lostError);

      await store.clear();
      expect([store.applied, await store.readApplied()]).toEqual([0, 0]);
      expect(await rowsOf(place)).toEqual([]);
      await store.apply(log);
      const rebuilt = memoryStore({ limits });
      await rebuilt.apply(log);
      expect(await stateDigest(store)).toBe(await stateDigest(rebuilt));
      expect(await store.readApplied()).toBe(3);
    });
  });

  it("asks at most once a second whether a user without rows is one of a lost table", async () => {
    const clock = new ManualClock();
    await withStore({ limits, clock }, async (store) => {
      const askedBy = async (count: number) => {
        server.requests.length = 0;
        for (let i = 0; i < count; i++) await store.read(user(`stranger${i}`));
        return server.requests.filter((operation) => operation === "GetItem").length;
      };
      clock.advance(999);
      expect(await askedBy(5)).toBe(0);
      clock.advance(1);
      expect(await askedBy(5)).toBe(1);
    });
  });

  it("does not count events as applied that another process has cleared away", () =>
    withStore({ limits }, async (store, place) => {
      await store.apply(log);
      const other = await openDynamoDbStore(place, { limits });
      await other.clear();
      const next = logged([interaction("u1", touch("c", 3))], 3);
      await expect(store.apply(next)).rejects.toMatchObject(lostError);
      expect([store.applied, await other.readApplied()]).toEqual([0, 0]);
      await store.apply([...log, ...next]);
      await other.apply(log);
      expect([store.applied, other.applied, await store.readApplied()]).toEqual([4, 4, 4]);
      await other.close();
    }));
});

describe("a DynamoDB table that is slow, busy or gone", () => {
  const busy: DynamoDbServer["fault"] = (_, __, response) => {
    response.statusCode = 400;
    response.setHeader("content-type", "application/x-amz-json-1.0");
    const type = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
    response.end(JSON.stringify({ __type: type, message: "slow down" }));
    return true;
  };

  it("moves applied only after every row of the batch", () =>
    withStore({ limits }, async (store) => {
      const events = range(20, (i) => interaction(`u${i}`, touch("a", i)));
      let puts = 0;
      server.fault = (operation, _, response) =>
        operation === "PutItem" && ++puts > 12 && response.destroy() !== undefined;
      await expect(store.apply(logged(events))).rejects.toMatchObject({ code: "store_unavailable" });
      expect([store.applied, await store.readApplied()]).toEqual([0, 0]);
      server.fault = undefined;
      await store.apply(logged(events));
      const whole = memoryStore({ limits });
      await whole.apply(logged(events));
      expect(await stateDigest(store)).toBe(await stateDigest(whole));
      expect(await store.readApplied()).toBe(20);
    }));

  it("is waited for by writes while it is too busy, and not by reads", () =>
    withStore({ limits }, async (store) => {
      let left = 5;
      server.fault = (...request) => left-- > 0 && busy(...request);
      await put(store, touch("a", 1));
      expect(left).toBeLessThan(0);
      left = 2;
      await expect(store.read(u1)).rejects.toMatchObject({
        code: "store_unavailable",
        message: expect.stringMatching(/a read failed \(ProvisionedThroughput.*raise the table's capacity/),
      });
      expect(left).toBe(0);
      server.fault = undefined;
      expect((await store.read(u1)).touches).toHaveLength(1);
    }));

  it("is given up on when it stays too busy", () =>
    withStore({ limits }, async (store) => {
      server.fault = busy;
      await expect(put(store, touch("a", 1))).rejects.toMatchObject({ code: "store_unavailable" });
    }));

  it("is asked again for what it left undone of a batch", () =>
    withStore({ limits }, async (store, place) => {
      await put(store, ...range(4, (i) => touch(`e${i}`, i)));
      let left = 2;
      server.fault = (operation, request, response) => {
        if (operation !== "BatchWriteItem" || left-- <= 0) return false;
        void text(request).then((body) => {
          response.setHeader("content-type", "application/x-amz-json-1.0");
          response.end(JSON.stringify({ UnprocessedItems: JSON.parse(body).RequestItems }));
        });
        return true;
      };
      await store.erase(u1, at(9));
      expect(timesOf(await rowsOf(place))).toEqual([]);
    }));

  it.each([
    ["does not answer", () => {}],
    ["answers byte by byte", (write: (text: string) => void) => setInterval(() => write(" "), 50)],
  ])("fails a call within seconds when it %s, keeps the cause, and names no user", (_, answer) =>
    withStore({ limits }, async (store) => {
      const timers: unknown[] = [];
      server.fault = (__, ___, response) => {
        response.writeHead(200, { "content-type": "application/x-amz-json-1.0", "content-length": 9_999 });
        timers.push(answer((chunk) => response.write(chunk)));
        return true;
      };
      const start = performance.now();
      const failed = await store.read(user("secret")).catch((error: unknown) => error);
      expect(performance.now() - start).toBeLessThan(20_000);
      expect(failed).toMatchObject({ code: "store_unavailable", cause: expect.any(Error) });
      expect((failed as Error).message).toMatch(/^(?!.*secret).*a read failed.*can be reached/);
      for (const timer of timers) clearInterval(timer as NodeJS.Timeout);
    }),
  );

  it("fails a call at once when nobody listens", async () => {
    const place = { ...server.newPlace(), endpoint: "http://127.0.0.1:1" };
    await expect(openDynamoDbStore(place, { limits })).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringMatching(/ECONNREFUSED/),
    });
  });

  it("refuses a row of another form without naming the user", () =>
    withStore({ limits }, async (store, place) => {
      await store.write([{ user: user("secret"), touches: [touch("a", 1)] }]);
      const [row] = await rowsOf(place);
      await client.putItem({ TableName: place.table, Item: { ...row, w: { B: Uint8Array.of(99) } } });
      await expect(store.read(user("secret"))).rejects.toMatchObject({
        code: "store_unavailable",
        message: expect.stringMatching(
          /^(?!.*secret).*a row cannot be read.*interaction code 99.*delete the table/,
        ),
      });
    }));

  it("loses nothing when two processes' stores write to one user at once", () =>
    withStore({ limits: { touches: 200, vetoes: 1 } }, async (store, place) => {
      const other = await openDynamoDbStore(place, { limits: store.limits });
      const touches = range(120, (i) => touch(`e${i % 60}`, i % 40, { item: `v${i}` }));
      await Promise.all(touches.map((one, i) => put(i % 2 === 0 ? store : other, one)));
      expect(await other.read(u1)).toEqual(model("u1", touches, [], store.limits));
      await other.close();
    }));
});

it("a DynamoDB store takes the default limits", () =>
  withStore({}, async (store) => expect(store.limits).toEqual(DEFAULT_LIMITS)));
