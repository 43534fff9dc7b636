/**
 * `npm run chaos -- store [--seed 1] [--users 1000] [--events 30000] [--rate 30] [--training 4000] [--pause 4000]
 * [--only killed,emptied]`: a server whose user states are in Redis, while Redis and the way to it fail.
 *
 * The server is a process of its own, and so is Redis; the proxy between them and the load are here. Requests come open
 * loop. Four in five are of the few users who are there all the time, the others of anybody; after each event comes a
 * request of its user. Afterwards the log says whether any answer was of another state than it had to be.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random, UpnextError } from "../src/core/index.ts";
import { openFileLog } from "../src/events/index.ts";
import { DEFAULT_LIMITS } from "../src/state/index.ts";
import { type RedisServer, redisMissing, redisServer } from "../test/servers/redis.ts";
import { type Child, work } from "./parts/child.ts";
import { judge, type SeenInAnswer, type SeenState, stateText, type Verdict } from "./parts/judge-states.ts";
import { type Ask, OpenLoad, type Reply } from "./parts/open-load.ts";
import { optionsOf } from "./parts/options.ts";
import { type Outcome, quantile, say, table } from "./parts/outcome.ts";
import { withFolder } from "./parts/scratch.ts";
import { TcpProxy } from "./parts/tcp-proxy.ts";

export const about =
  "Redis stopped, killed, emptied, slow and dripping: every request answered, in time, never wrongly";

/** What the issue promises of every fault. */
const P99_MS = 50;
const BACK_MS = 2_000;
/**
 * Answers without a state that are forgiven after that, beside as many as there are without any fault: a machine that
 * has other work too now and then does not let Redis answer in 8 ms.
 */
const STRAY = 2;
/** So many users send most of the requests and all of the events. */
const REGULARS = 300;
const EVENTS_A_SECOND = 10;
const STATES_A_SECOND = 5;

interface Fault {
  readonly name: string;
  /** Resolves when it is over. */
  happen(redis: RedisServer, proxy: TcpProxy): Promise<void>;
}

/** Short ones happen several times, since few requests fall into one of them. */
const stopped = (seconds: number, times: number): Fault => ({
  name: `stopped ${seconds} s`,
  async happen(redis) {
    for (let i = 0; i < times; i++) {
      if (i > 0) await sleep(1_000);
      redis.pause();
      await sleep(seconds * 1000);
      redis.resume();
    }
  },
});

const FAULTS: readonly Fault[] = [
  stopped(0.05, 4),
  stopped(0.2, 4),
  stopped(1, 2),
  stopped(3, 1),
  stopped(10, 1),
  {
    name: "killed",
    async happen(redis) {
      await redis.kill();
      await sleep(2_000);
      await redis.start();
    },
  },
  { name: "emptied", happen: (redis) => redis.restartEmpty() },
  {
    name: "slow",
    async happen(_, proxy) {
      proxy.forward(20);
      await sleep(3_000);
      proxy.forward();
    },
  },
  {
    name: "dripping",
    async happen(_, proxy) {
      proxy.drip(1);
      await sleep(3_000);
      proxy.forward();
    },
  },
  {
    name: "silent",
    async happen(_, proxy) {
      proxy.hold();
      await sleep(3_000);
      proxy.forward();
    },
  },
  {
    name: "cut",
    async happen(_, proxy) {
      proxy.cut();
      await sleep(1_000);
      proxy.forward();
    },
  },
];

/** A stretch of time, in milliseconds of the load. */
interface Phase {
  readonly name: string;
  readonly from: number;
  /** The end of the fault. */
  readonly over: number;
  readonly to: number;
}

/** A recommendation as it was answered. */
interface Answered extends Reply {
  readonly personal: boolean;
  readonly rung: string;
  readonly reasons: readonly string[];
}

export async function run(args: readonly string[]): Promise<Outcome> {
  const options = optionsOf(args, {
    seed: "1",
    users: 1_000,
    events: 30_000,
    rate: 30,
    training: 4_000,
    pause: 4_000,
    only: "",
  });
  if (redisMissing !== undefined) throw new UpnextError("invalid_request", `chaos store: ${redisMissing}`);
  const names = FAULTS.map(({ name }) => name);
  const wanted = options.only === "" ? names : options.only.split(",");
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const expected = names.join(", ");
    throw new UpnextError("invalid_request", `--only: expected names out of ${expected}, got "${unknown}"`);
  }
  const faults = FAULTS.filter(({ name }) => wanted.includes(name));
  return withFolder("store", async (directory) => {
    const redis = await redisServer({ appendonly: true });
    const proxy = await TcpProxy.before(redis.port);
    const sizes = [options.users, options.events, options.training].map(String);
    const server = work("serving.child.ts", "serveOver", [
      directory,
      `redis://127.0.0.1:${proxy.port}`,
      ...sizes,
    ]);
    try {
      await server.said("filled");
      say("store: the platform is in the log; training");
      const url = (await server.said("serving "))?.slice("serving ".length);
      if (url === undefined) throw new Error(`the server has ended: ${server.complaint()}`);
      const clients = new Clients(
        new OpenLoad(url),
        options.users,
        new Random(`chaos store ${options.seed}`),
      );
      const phases = await clients.during(options.rate, async (now) => {
        const seen: Phase[] = [];
        await sleep(options.pause);
        const quiet = now();
        await sleep(options.pause);
        seen.push({ name: "no fault", from: quiet, over: quiet, to: now() });
        for (const { name, happen } of faults) {
          const from = now();
          await happen(redis, proxy);
          const over = now();
          await sleep(options.pause);
          seen.push({ name, from, over, to: now() });
          say(`store: ${name}`);
        }
        return seen;
      });
      const verdict = await clients.judge(directory, server);
      return outcome(options, phases, clients.answers, verdict);
    } finally {
      await server.kill();
      await proxy.close();
      await redis.stop();
    }
  });
}

class Clients {
  readonly answers: Answered[] = [];
  private readonly load: OpenLoad;
  private readonly users: number;
  private readonly random: Random;
  private readonly inAnswers: SeenInAnswer[] = [];
  private readonly states: SeenState[] = [];
  private readonly events: string[] = [];
  /** The greatest offset that the server has given for an event. */
  private acknowledged = 0;
  private sent = 0;

  constructor(load: OpenLoad, users: number, random: Random) {
    this.load = load;
    this.users = users;
    this.random = random;
  }

  /** Sends requests and events while `body` runs. */
  async during<T>(rate: number, body: (now: () => number) => Promise<T>): Promise<T> {
    const { load, random } = this;
    const running = [
      load.run(rate, random.fork("recommendations"), () => this.recommendation(this.anybody())),
      load.run(EVENTS_A_SECOND, random.fork("events"), () => this.event()),
      load.run(STATES_A_SECOND, random.fork("states"), () => this.state()),
    ];
    try {
      return await body(() => load.now());
    } finally {
      await load.stop();
      await Promise.all(running);
    }
  }

  async judge(directory: string, server: Child): Promise<Verdict> {
    server.tell("close");
    await server.said("closed");
    const log = await openFileLog(join(directory, "log"), { readOnly: true });
    try {
      return await judge(log, DEFAULT_LIMITS, {
        answers: this.inAnswers,
        states: this.states,
        acknowledged: this.events,
      });
    } finally {
      await log.close();
    }
  }

  private regular(): string {
    return `u${1 + this.random.int(REGULARS)}`;
  }

  private anybody(): string {
    return this.random.int(5) > 0 ? this.regular() : `u${1 + this.random.int(this.users)}`;
  }

  private recommendation(user: string): Ask {
    const after = this.acknowledged;
    return {
      method: "GET",
      path: `/v1/recommendations?user=${user}&after=${after}`,
      heard: (reply) => {
        const { personal = false, rung = "", reasons = [], offset = 0, trace } = Object(reply.body);
        this.answers.push({ ...reply, personal, rung, reasons });
        if (reply.status !== 200 || reasons.some(isOfState)) return;
        const touches = trace.stages.find(({ stage }: { stage: string }) => stage === "state").out;
        // An answer that is of an earlier moment than it was asked for is wrong too.
        this.inAnswers.push({ user, offset: Math.max(offset, after), touches });
      },
    };
  }

  private event(): Ask {
    const id = `chaos-${this.sent++}`;
    const type = this.random.int(8) === 0 ? "hide" : "click";
    const item = `v${1 + this.random.int(this.users)}`;
    const user = this.regular();
    return {
      method: "POST",
      path: "/v1/events",
      body: { kind: "interaction", id, user, item, type },
      heard: ({ status, body }) => {
        if (status !== 200) return;
        this.events.push(id);
        this.acknowledged = Math.max(this.acknowledged, Object(body).offset);
        // Before the store can have it.
        this.load.also(this.recommendation(user));
      },
    };
  }

  private state(): Ask {
    const user = this.regular();
    const { acknowledged } = this;
    return {
      method: "GET",
      path: `/v1/users/${user}/state`,
      // While nobody knows the state, the server says so.
      heard: ({ status, body }) => {
        if (status === 200) this.states.push({ user, acknowledged, state: stateText(Object(body)) });
      },
    };
  }
}

const isOfState = (reason: string) => reason.startsWith("state_");

function outcome(
  options: unknown,
  phases: readonly Phase[],
  answers: readonly Answered[],
  verdict: Verdict,
): Outcome {
  const faults = phases.map((phase) => figuresOf(phase, answers));
  const head = [
    "fault",
    "requests",
    "unanswered",
    "p50 ms",
    "p99 ms",
    "worst ms",
    "full %",
    "no state %",
    "back ms",
    "later without",
  ];
  const rows = faults.map((each) => [
    each.name,
    each.requests,
    each.unanswered,
    each.p50,
    each.p99,
    each.worst,
    each.full,
    each.withoutState,
    each.backMs,
    `${each.lateWithoutState} of ${each.late}`,
  ]);
  say(table([head, ...rows]));
  const usual = (faults[0]?.withoutState ?? 0) / 100;
  const broken = faults.flatMap(({ name, unanswered, p99, late, lateWithoutState }) => [
    ...(unanswered > 0 ? [`${name}: every request answered, ${unanswered} were not`] : []),
    ...(p99 > P99_MS ? [`${name}: p99 within ${P99_MS} ms, found ${p99}`] : []),
    ...(lateWithoutState > usual * late + STRAY
      ? [
          `${name}: full quality back within ${BACK_MS} ms, ${lateWithoutState} of ${late} later answers had no state`,
        ]
      : []),
  ]);
  const { wrongAnswers, wrongStates, lostEvents } = verdict;
  if (wrongAnswers > 0) broken.push(`wrong answers 0, found ${wrongAnswers}`);
  if (wrongStates > 0) broken.push(`wrong states 0, found ${wrongStates}`);
  if (lostEvents > 0) broken.push(`acknowledged events lost 0, found ${lostEvents}`);
  return { broken, figures: { options, faults, verdict } };
}

/** Latency and answers of a fault and of the time after it. */
function figuresOf({ name, from, over, to }: Phase, answers: readonly Answered[]) {
  const during = answers.filter(({ planned }) => planned >= from && planned < to);
  const ms = during.map(({ planned, done }) => done - planned);
  const share = (of: (answer: Answered) => boolean) =>
    Math.round((1000 * during.filter(of).length) / Math.max(1, during.length)) / 10;
  const lacks = ({ reasons }: Answered) => reasons.some(isOfState);
  const late = during.filter(({ planned }) => planned >= over + BACK_MS);
  const soon = during.filter(({ planned }) => planned >= over && planned < over + BACK_MS);
  return {
    name,
    faultMs: Math.round(over - from),
    requests: during.length,
    unanswered: during.filter(({ status }) => status !== 200).length,
    p50: digits(quantile(ms, 0.5)),
    p99: digits(quantile(ms, 0.99)),
    worst: digits(Math.max(...ms)),
    full: share(({ personal, rung }) => personal && rung === "full"),
    withoutState: share(lacks),
    /** From the end of the fault to the last request of the next two seconds that did not get its state. */
    backMs: Math.round(Math.max(0, ...soon.filter(lacks).map(({ planned }) => planned - over))),
    /** Of the requests after these two seconds, those that did not get their state. */
    late: late.length,
    lateWithoutState: late.filter(lacks).length,
  };
}

function digits(ms: number): number {
  return Number(ms.toPrecision(3));
}
