/** The importers of known layouts: sequence, movielens, kuairand. */
import { describe, expect, it } from "vitest";
import { IMPORTERS, SEQUENCE_END } from "../../src/datasets/index.ts";
import { LONGEST_SEQUENCE } from "../../src/datasets/sequence.ts";
import { batchesOf, brief, file, IMPRESSIONS, imported, MOVIES, RATINGS, SETS, write } from "./fixtures.ts";

const HOUR = 3_600_000;
const sequence = IMPORTERS.find((importer) => importer.name === "sequence")!;

describe("sequences", () => {
  it("end at the same moment for every user, an hour a step, in both shapes", async () => {
    const pairs = await imported({ path: file("set.txt", "1 10\n1 20\n1 10\n2 7\n") });
    const users = await imported({ path: file("set.txt", "1 10 20 10\n2 7\n") });
    expect(users.events).toEqual(pairs.events);
    expect(pairs.interactions.map((e) => [e.user, e.item, (e.time - SEQUENCE_END) / HOUR])).toEqual([
      ["1", "10", -2],
      ["1", "20", -1],
      ["1", "10", 0],
      ["2", "7", 0],
    ]);
    expect(new Date(SEQUENCE_END).toISOString()).toBe("2020-01-01T00:00:00.000Z");
  });

  it("are bad where a user comes back further down", async () => {
    const [pairs] = await batchesOf(sequence, { path: file("set.txt", "1 10\n2 10\n1 20\n2 30\n3 30\n") });
    expect(pairs?.bad.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      "3: the user's sequence ended further up; its lines must be together",
    ]);
    expect(pairs?.events).toHaveLength(4);
    const later = Array.from({ length: 1000 }, (_, i) => `${i} 1 2 3`).join("\n");
    const users = await batchesOf(sequence, { path: file("set.txt", `${later}\n5 4 5 6\n`) });
    expect(users.flatMap((batch) => batch.bad.map((bad) => bad.line))).toEqual([1001]);
  });

  it("are bad where a line is not of the file's shape", async () => {
    const path = file("set.txt", `${"1 10\n".repeat(1000)}1 2 3\n1\n1 \u0007\n`);
    const batches = await batchesOf(sequence, { path });
    expect(batches.flatMap((batch) => batch.bad.map(({ line, reason }) => `${line}: ${reason}`))).toEqual([
      '1001: expected "user item"; 3 ids came',
      '1002: expected "user item"; 1 ids came',
      "1003: an id holds a control character or half of a surrogate pair",
    ]);
  });

  it("of one user are bounded", async () => {
    const path = file("set.txt", "1 10\n".repeat(LONGEST_SEQUENCE + 1));
    let events = 0;
    let bad = 0;
    for (const batch of await batchesOf(sequence, { path })) {
      events += batch.events.length;
      bad += batch.bad.length;
    }
    expect([events, bad]).toEqual([LONGEST_SEQUENCE, 1]);
  });

  it("lose no event where a user is longer than a batch and the last one is still held at the end", async () => {
    const rows = Array.from({ length: 12_000 }, (_, i) => `1 ${i}\n`);
    const { interactions } = await imported({ path: file("set.txt", `${rows.join("")}2 1\n2 2\n`) });
    expect(interactions).toHaveLength(12_002);
  });

  it("that have grown add only what is new", async () => {
    const before = await imported({ path: file("set.txt", "1 10\n1 20\n2 7\n") });
    const after = await imported({ path: file("set.txt", "1 10\n1 20\n1 30\n2 7\n3 9\n") }, before.log);
    expect(after.report).toMatchObject({ accepted: 2, duplicates: 3 });
  });

  it("take facts from items.tsv, users.tsv and item2attributes.json beside them", async () => {
    const directory = write({
      "set.txt": "1 10 20 30\n2 7\n",
      "items.tsv": "item\torig_item\ttitle\tgenres\n10\t5\tToy Story (1995)\tAnimation|Drama\n",
      "users.tsv": "user\tgender\tage\n1\tF\t25\n",
      "set_item2attributes.json": '{"20": [1, 2], "30": []}',
    });
    const { report, events, items } = await imported({ path: directory });
    expect(report.why).toContain("items.tsv, users.tsv, set_item2attributes.json beside it");
    expect(items.map(({ item, facts }) => [item, facts])).toEqual([
      ["10", { title: "Toy Story (1995)", categories: ["Animation", "Drama"] }],
      ["20", { categories: ["1", "2"] }],
      ["30", {}],
    ]);
    expect(events.filter((e) => e.kind === "user")).toMatchObject([
      { user: "1", facts: { gender: "F", age: "25" } },
    ]);
  });

  it("are not taken from tables of numbers, and not from a directory with two of them", async () => {
    expect(
      await sequence.detect({ path: file("u.data", "1\t2\t3\t881250949\n2\t2\t3\t881250949\n") }),
    ).toBeNull();
    expect(await sequence.detect({ path: file("log.csv", "user item\n1 2\n") })).toBeNull();
    const two = write({ "a.txt": "1 2\n", "b.txt": "1 2\n" });
    await expect(sequence.detect({ path: two })).rejects.toThrow(/several files are sequences: a.txt, b.txt/);
  });
});

describe("MovieLens", () => {
  const EXPECTED = [
    "1 rate 10 2000-07-30T18:45:03.000Z 4",
    "1 rate 20 2000-07-30T18:20:47.000Z 3.5",
    "2 rate 10 2000-07-30T18:37:04.000Z 5",
  ];

  it("gives ratings with titles, genres and the year", async () => {
    const { interactions, items } = await imported({
      path: write({ "ratings.csv": RATINGS, "movies.csv": MOVIES }),
    });
    expect(interactions.map(brief)).toEqual(EXPECTED);
    expect(items.map(({ item, facts, time }) => [item, time, facts])).toEqual([
      [
        "10",
        0,
        { title: "Toy Story (1995)", categories: ["Animation", "Children"], attributes: { year: 1995 } },
      ],
      ["20", 0, { title: "Heat, The (1995)", attributes: { year: 1995 } }],
      ["30", 0, { title: "Untitled", categories: ["Drama"] }],
    ]);
  });

  it("reads the :: layout with users, in Latin-1", async () => {
    const directory = write({
      "ratings.dat": "1::10::4::964982703\n1::20::3.5::964981247\r\n2::10::5::964982224\n",
      "movies.dat": Buffer.from("10::Mis\xe9rables, Les (1995)::Drama|Musical\n20::Heat::Action\n", "latin1"),
      "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n",
    });
    const { report, events, interactions, items } = await imported({ path: `${directory}/ratings.dat` });
    expect(report.format).toBe("movielens");
    expect(interactions.map(brief)).toEqual(EXPECTED);
    expect(items[0]?.facts.title).toBe("Misérables, Les (1995)");
    const users = events.filter((event) => event.kind === "user");
    expect(users[1]).toMatchObject({ user: "2", facts: { gender: "M", age: "56", occupation: "16" } });
  });

  it("refuses ratings out of range by line", async () => {
    const path = write({ "ratings.csv": `${RATINGS}3,10,11,964982703\n`, "movies.csv": MOVIES });
    await expect(imported({ path })).rejects.toThrow(
      /ratings.csv:5: value of a rate: expected a rating of 0 to 10/,
    );
  });
});

describe("KuaiRand", () => {
  const make = SETS.find((set) => set.name === "kuairand")!.make;

  it("makes an impression of each row and the interactions that answer it", async () => {
    const { events, report } = await imported({ path: write({ "impressions.csv": IMPRESSIONS }) });
    const shown = events.filter((event) => event.kind === "impression");
    expect(shown).toHaveLength(4);
    expect(report.duplicates).toBe(5);
    expect(shown.map(({ user, slots, model, surface }) => [user, slots, model, surface])).toEqual([
      ["7", [{ item: "100", position: 0 }], "kuairand", "tab-1"],
      ["8", [{ item: "101", position: 0 }], "kuairand-random", "tab-4"],
      ["8", [{ item: "102", position: 0 }], "kuairand", "tab-6"],
      ["9", [{ item: "103", position: 0 }], "kuairand", "tab-2"],
    ]);
    const answers = (i: number) =>
      events
        .filter((event) => event.kind === "interaction")
        .filter((event) => event.request === shown[i]?.request)
        .map((event) => {
          expect(event.surface).toBe(shown[i]!.surface);
          return [event.type, event.value];
        });
    expect(answers(0)).toEqual([
      ["watch", 1],
      ["click", undefined],
      ["like", undefined],
      ["share", undefined],
    ]);
    expect(answers(1)).toEqual([]);
    expect(answers(2)).toEqual([
      ["watch", 0.25],
      ["follow", undefined],
      ["comment", undefined],
      ["hide", undefined],
    ]);
    expect(answers(3)).toEqual([
      ["watch", undefined],
      ["click", undefined],
    ]);
  });

  it("takes facts of videos and users, times in Beijing", async () => {
    const { events, items } = await imported({ path: await make() });
    expect(items.map(({ item, facts }) => [item, facts])).toEqual([
      [
        "100",
        { creator: "55", categories: ["20", "43"], duration: 87.433, publishedAt: Date.UTC(2022, 3, 9, 16) },
      ],
      ["101", { creator: "56", publishedAt: Date.UTC(2022, 3, 8, 16) }],
    ]);
    const users = events.filter((event) => event.kind === "user");
    expect(users.map(({ user, facts }) => [user, facts])).toEqual([
      ["7", { user_active_degree: "full_active", fans: 150, fans_range: "[100,1k)" }],
      ["8", { user_active_degree: "low" }],
    ]);
  });

  it("puts the history before the impressions, a minute a step", async () => {
    const { interactions } = await imported({ path: await make() });
    expect(interactions.filter((event) => event.request === undefined).map(brief)).toEqual([
      "7 watch 1 2022-04-24T15:00:00.000Z 0.97",
      "7 watch 2 2022-04-24T14:59:00.000Z 0.05",
      "7 watch 1 2022-04-24T14:58:00.000Z 0.05",
      "7 watch 5 2022-04-24T14:57:00.000Z 0.97",
      "7 like 9 2022-04-24T14:57:00.000Z",
      "7 like 2 2022-04-24T14:59:00.000Z",
    ]);
  });

  it("calls bad rows by column", async () => {
    const header = IMPRESSIONS.split("\n")[0];
    const rows = [
      "7,100,soon,1,1,0,0,1,0,1,61802,49866,0,0,1",
      "7,100,1650816000000,1,1,0,0,1,0,1,,49866,0,0,1",
      "7,100,1650816000000,x,1,0,0,1,0,1,5,49866,0,0,1",
      ",100,1650816000000,1,1,0,0,1,0,1,5,49866,0,0,1",
    ];
    const path = write({ "impressions.csv": `${header}\n${rows.join("\n")}\n` });
    const kuairand = IMPORTERS.find((importer) => importer.name === "kuairand")!;
    const [batch] = await batchesOf(kuairand, { path });
    expect(batch?.events).toEqual([]);
    expect(batch?.bad.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      '2: time: expected milliseconds since 1970, as in the first rows; got "soon"',
      '3: play_time_ms: expected a number >= 0; got ""',
      '4: is_click: expected a number >= 0; got "x"',
      "5: user_id is empty",
    ]);
  });
});
